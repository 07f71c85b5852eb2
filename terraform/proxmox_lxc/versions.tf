terraform {
  required_version = ">= 1.8"

  required_providers {
    # Exactly this version: before 1.0 the provider changes what attributes mean between releases.
    proxmox = {
      source  = "bpg/proxmox"
      version = "0.111.1"
    }
  }
}
