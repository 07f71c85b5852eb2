<?php

declare(strict_types=1);

namespace App;

/** Routes of the sample, as a front controller calls them. */
final class Application
{
    public function __construct(private readonly string $key)
    {
        if (!str_starts_with($key, 'base64:') || strlen(base64_decode(substr($key, 7))) !== 32) {
            throw new \RuntimeException('APP_KEY must be 32 bytes in base64, as Laravel writes it.');
        }
    }

    /** Answers one request: its status, its content type and its body. */
    public function handle(string $path): array
    {
        return match ($path) {
            '/' => [200, 'text/html; charset=utf-8', page('Laravel', $this->facts())],
            '/health' => [200, 'application/json', json_encode(['status' => 'healthy']) . "\n"],
            default => [404, 'text/html; charset=utf-8', page('Not found', ['Path' => $path])],
        };
    }

    private function facts(): array
    {
        return [
            'Release' => getenv('PAAS_RELEASE') ?: 'on this machine',
            'PHP' => PHP_VERSION,
            'Environment' => getenv('APP_ENV') ?: 'local',
        ];
    }
}
