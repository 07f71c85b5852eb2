"""What document 001 takes and gives."""

from paas.api.deploy.schemas.requests import deploy_body, load_deploy

__all__ = ["deploy_body", "load_deploy"]
