from django.db import models


class Visit(models.Model):
    """One view of the page; the rows outlive a release."""

    at = models.DateTimeField(auto_now_add=True)
