"""Pictures that users upload: checked, rendered by a chain of stages, indexed, and delivered by a CDN."""
