<?php

declare(strict_types=1);

/** The page with a heading and a list of facts; every text is escaped. */
function page(string $title, array $facts): string
{
    $rows = '';
    foreach ($facts as $name => $value) {
        $rows .= '<dt>' . htmlspecialchars($name) . '</dt><dd>' . htmlspecialchars($value) . '</dd>';
    }
    $title = htmlspecialchars($title);

    return <<<HTML
    <!doctype html>
    <html lang="en">
    <head>
      <meta charset="utf-8">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <title>{$title} sample</title>
      <link rel="stylesheet" href="/page.css">
    </head>
    <body>
      <main>
        <h1>{$title}</h1>
        <p>This page comes from a repository, in a guest of its own.</p>
        <dl>{$rows}</dl>
      </main>
    </body>
    </html>

    HTML;
}
