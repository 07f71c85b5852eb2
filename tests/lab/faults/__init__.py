"""The table of docs/proxmox.md, "When something goes wrong": each row is the test of its name."""
