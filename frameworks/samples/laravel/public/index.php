<?php

declare(strict_types=1);

require __DIR__ . '/../app/page.php';
require __DIR__ . '/../app/Application.php';

$app = new App\Application((string) getenv('APP_KEY'));
[$status, $type, $body] = $app->handle((string) parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH));

http_response_code($status);
header("Content-Type: {$type}");
echo $body;
