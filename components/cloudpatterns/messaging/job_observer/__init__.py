"""An Auto Scaling group that follows the backlog of a queue, and ends no instance while it runs a job."""
