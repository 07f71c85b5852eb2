output "vmid" {
  description = "The guest's number."
  value       = proxmox_virtual_environment_container.guest.vm_id
}

output "node" {
  description = "The node that the guest is on."
  value       = proxmox_virtual_environment_container.guest.node_name
}

output "address" {
  description = "The address at which the app answers; empty while DHCP has given none."
  value       = local.is_static ? split("/", var.address)[0] : try(proxmox_virtual_environment_container.guest.ipv4["eth0"], "")
}

output "port" {
  description = "The app's port at that address."
  value       = var.port
}
