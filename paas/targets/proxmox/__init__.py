"""Targets ``proxmox_lxc`` and ``proxmox_vm``: guests that are machines of a Proxmox cluster."""
