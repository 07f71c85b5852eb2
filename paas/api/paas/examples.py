"""What the document shows, for the reference and its page."""

from paas.api.paths import UUID

ID = "2f0c1f8e-6f0b-4b43-8f0e-0d2c6a3b9d11"
OTHER_ID = "9b1f4c52-3a0d-4f7e-9c61-5d8e2b7a4f03"
APP = {
    "app_id": {
        "type": "string",
        "format": "uuid",
        "pattern": UUID,
        "description": "The id of the application",
        "example": ID,
    }
}
NEW = {
    "id": ID,
    "name": "My App",
    "slug": "my-app",
    "status": "inactive",
    "subdomain": "my-app-2f0c1f8e",
    "created_at": "2025-11-09T10:00:00Z",
}
ROW = {
    "id": ID,
    "name": "My App",
    "slug": "my-app",
    "status": "running",
    "subdomain": "my-app-2f0c1f8e",
    "replicas": 2,
    "plan_name": "Standard",
    "cpu_cores": 1,
    "ram_mb": 1024,
    "created_at": "2025-11-09T10:00:00Z",
}
DETAIL = {
    "id": ID,
    "name": "My App",
    "slug": "my-app",
    "git_url": "https://github.com/user/repo",
    "git_branch": "main",
    "buildpack": "heroku/nodejs",
    "status": "running",
    "subdomain": "my-app-2f0c1f8e",
    "replicas": 2,
    "plan_id": OTHER_ID,
    "plan_name": "Standard",
    "cpu_cores": 1,
    "ram_mb": 1024,
    "disk_gb": 20,
    "created_at": "2025-11-09T10:00:00Z",
    "updated_at": "2025-11-09T11:00:00Z",
}
ATTEMPT = {
    "id": OTHER_ID,
    "version": 5,
    "git_commit": "8f14e45fceea167a5a36dedd4bea2543c1f1c3aa",
    "status": "deployed",
    "build_started_at": "2025-11-09T10:00:00Z",
    "build_completed_at": "2025-11-09T10:05:00Z",
    "deployed_at": "2025-11-09T10:06:00Z",
}
VARIABLE = {
    "id": OTHER_ID,
    "key": "DATABASE_URL",
    "is_system": False,
    "created_at": "2025-11-09T10:00:00Z",
}
LINE = {
    "timestamp": "2025-11-09T10:30:45Z",
    "message": "Server started on port 5000",
    "source": "app",
}
