<?php

/**
 * The router of PHP's own server: php -S HOST:PORT -t DOCUMENT_ROOT php_router.php
 *
 * Files that exist are served or run as they are, and every other path goes to index.php, as a
 * front controller expects. Hidden files, and what Composer keeps beside the pages, are not shown.
 * Nothing is left behind in the global scope, in which the app's own files run.
 */

switch ((static function (): string {
    $root = $_SERVER['DOCUMENT_ROOT'];
    $path = rawurldecode('/' . ltrim(explode('?', $_SERVER['REQUEST_URI'], 2)[0], '/'));
    if (preg_match('#(^|/)\.(?!well-known(/|$))|\\\\|\x00#', $path)) {
        return 'missing';
    }
    $composer = is_file($root . '/composer.json') || is_file($root . '/vendor/autoload.php');
    $kept = '#^/(vendor|node_modules)(/|$)|^/(composer\.(json|lock)|auth\.json|package(-lock)?\.json|Procfile)$#i';
    if ($composer && preg_match($kept, $path)) {
        return 'missing';
    }
    if (is_file($root . $path)) {
        return 'file';
    }
    $folder = $root . rtrim($path, '/') . '/';
    if (is_file($folder . 'index.php') || is_file($folder . 'index.html')) {
        if (substr($path, -1) === '/') {
            return 'file';
        }
        $query = ($_SERVER['QUERY_STRING'] ?? '') === '' ? '' : '?' . $_SERVER['QUERY_STRING'];
        header('Location: ' . str_replace('%2F', '/', rawurlencode($path)) . '/' . $query, true, 301);

        return 'answered';
    }

    return is_file($root . '/index.php') ? 'front' : 'missing';
})()) {
    case 'file':
        return false;
    case 'answered':
        return true;
    case 'missing':
        http_response_code(404);
        header('Content-Type: text/plain; charset=utf-8');
        echo "There is no such page.\n";

        return true;
}

// What follows runs as if PHP had been asked for index.php itself.
$_SERVER['SCRIPT_FILENAME'] = $_SERVER['DOCUMENT_ROOT'] . '/index.php';
$_SERVER['SCRIPT_NAME'] = '/index.php';
$_SERVER['PHP_SELF'] = '/index.php';
chdir($_SERVER['DOCUMENT_ROOT']);
require $_SERVER['SCRIPT_FILENAME'];
