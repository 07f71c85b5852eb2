<?php

/**
 * The router of PHP's own server: php -S HOST:PORT -t DOCUMENT_ROOT php_router.php
 *
 * Files that exist are served or run as they are, and every other path goes to index.php, as a
 * front controller expects. Hidden files, and what Composer keeps beside the pages, are not shown.
 */

(static function (): void {
    $root = $_SERVER['DOCUMENT_ROOT'];
    $path = '/' . ltrim(explode('?', $_SERVER['REQUEST_URI'], 2)[0], '/');
    $_SERVER['PAAS_PATH'] = rawurldecode($path);
    $hidden = '#(^|/)\.(?!well-known(/|$))|\\\\|\x00#';
    if (is_file($root . '/vendor/autoload.php') || is_file($root . '/composer.json')) {
        $hidden = '#(^|/)\.(?!well-known(/|$))|\\\\|\x00|^/(vendor|node_modules)(/|$)'
            . '|^/(composer\.(json|lock)|auth\.json|package(-lock)?\.json|Procfile)$#i';
    }
    $_SERVER['PAAS_HIDDEN'] = preg_match($hidden, $_SERVER['PAAS_PATH']) === 1;
})();

if (!$_SERVER['PAAS_HIDDEN']) {
    $_SERVER['PAAS_FILE'] = $_SERVER['DOCUMENT_ROOT'] . $_SERVER['PAAS_PATH'];
    if (is_file($_SERVER['PAAS_FILE'])) {
        return false;
    }
    if (is_dir($_SERVER['PAAS_FILE']) && glob(rtrim($_SERVER['PAAS_FILE'], '/') . '/index.{php,html}', GLOB_BRACE)) {
        if (substr($_SERVER['PAAS_PATH'], -1) === '/') {
            return false;
        }
        header('Location: ' . str_replace('%2F', '/', rawurlencode($_SERVER['PAAS_PATH'])) . '/'
            . (empty($_SERVER['QUERY_STRING']) ? '' : '?' . $_SERVER['QUERY_STRING']), true, 301);

        return true;
    }
}

if ($_SERVER['PAAS_HIDDEN'] || !is_file($_SERVER['DOCUMENT_ROOT'] . '/index.php')) {
    http_response_code(404);
    header('Content-Type: text/plain; charset=utf-8');
    echo "There is no such page.\n";

    return true;
}

// What follows runs as if PHP had been asked for index.php itself, in the global scope.
unset($_SERVER['PAAS_PATH'], $_SERVER['PAAS_FILE'], $_SERVER['PAAS_HIDDEN']);
$_SERVER['SCRIPT_FILENAME'] = $_SERVER['DOCUMENT_ROOT'] . '/index.php';
$_SERVER['SCRIPT_NAME'] = '/index.php';
$_SERVER['PHP_SELF'] = '/index.php';
chdir($_SERVER['DOCUMENT_ROOT']);
require $_SERVER['SCRIPT_FILENAME'];
