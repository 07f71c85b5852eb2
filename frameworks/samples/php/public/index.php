<?php

declare(strict_types=1);

// A small PHP app with a front controller: one page that says what it runs on, and /health.

require __DIR__ . '/../src/page.php';

$path = parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH);

if ($path === '/health') {
    header('Content-Type: application/json');
    echo json_encode(['status' => 'healthy']), "\n";
} elseif ($path === '/' || $path === '/index.php') {
    echo page('PHP', [
        'Release' => getenv('PAAS_RELEASE') ?: 'on this machine',
        'PHP' => PHP_VERSION,
        'Server' => PHP_SAPI,
    ]);
} else {
    http_response_code(404);
    echo page('Not found', ['Path' => (string) $path]);
}
