# One unprivileged container with its firewall. The provider takes its endpoint and token from
# the environment, so neither stands in a file.

locals {
  is_static = var.address != "dhcp"

  # With DHCP the network itself has the servers of addresses and of names.
  networks  = local.is_static ? [] : var.guests
  resolvers = length(var.dns) > 0 ? var.dns : local.networks

  # In order: the first rule that fits decides. Everything else that comes in is dropped, and
  # what the guest begins itself goes out unless it is refused here. Nobody gives guests addresses
  # of IPv6, and those that they give themselves would lead past all the other rules.
  rules = concat(
    [{ type = "in", action = "ACCEPT", from = "", to = "", proto = "tcp", port = tostring(var.port), comment = "the app" }],
    [for source in length(var.ssh_from) > 0 ? var.ssh_from : [""] :
      { type = "in", action = "ACCEPT", from = source, to = "", proto = "tcp", port = "22", comment = "the platform" }
    ],
    [{ type = "out", action = "REJECT", from = "", to = "::/0", proto = "", port = "", comment = "IPv6" }],
    [for host in var.nodes :
      { type = "out", action = "REJECT", from = "", to = host, proto = "tcp", port = "8006", comment = "the Proxmox API" }
    ],
    [for hosts in local.networks :
      { type = "out", action = "ACCEPT", from = "", to = hosts, proto = "udp", port = "67", comment = "addresses" }
    ],
    flatten([for server in local.resolvers : [for proto in ["udp", "tcp"] :
      { type = "out", action = "ACCEPT", from = "", to = server, proto = proto, port = "53", comment = "names" }
    ]]),
    [for one in var.services :
      { type = "out", action = "ACCEPT", from = "", to = one.address, proto = "tcp", port = tostring(one.port), comment = "installing" }
    ],
    [for hosts in var.reachable :
      { type = "out", action = "ACCEPT", from = "", to = hosts, proto = "", port = "", comment = "reachable" }
    ],
    [for hosts in var.guests :
      { type = "out", action = "REJECT", from = "", to = hosts, proto = "", port = "", comment = "other guests" }
    ],
  )
}

resource "proxmox_virtual_environment_container" "guest" {
  node_name     = var.node
  vm_id         = var.vmid
  pool_id       = var.pool
  description   = var.description
  tags          = var.tags
  unprivileged  = true
  start_on_boot = true

  # A create that fails half way is ended by the platform, which waits longer than a minute.
  timeout_create = var.timeout
  timeout_update = var.timeout
  timeout_delete = var.timeout

  # Nesting lets systemd of current distributions start; no other feature is open to a token.
  features {
    nesting = true
  }

  cpu {
    cores = var.cores
    limit = var.cpu_limit
  }

  memory {
    dedicated = var.memory
    swap      = var.swap
  }

  disk {
    datastore_id = var.storage
    size         = var.disk
  }

  network_interface {
    name        = "eth0"
    bridge      = var.bridge
    vlan_id     = var.vlan
    mac_address = var.mac
    firewall    = true
  }

  operating_system {
    template_file_id = var.template
    type             = var.os_type
  }

  initialization {
    hostname = var.hostname

    ip_config {
      ipv4 {
        address = var.address
        gateway = var.gateway
      }
    }

    dynamic "dns" {
      for_each = length(var.dns) > 0 ? [var.dns] : []

      content {
        servers = dns.value
      }
    }

    user_account {
      keys = [var.ssh_key]
    }
  }

  lifecycle {
    # What only a create reads, and what the platform does itself, never asks for a new guest.
    ignore_changes = [
      pool_id,
      operating_system,
      initialization[0].user_account,
      disk[0].datastore_id,
      started,
    ]
  }
}

resource "proxmox_virtual_environment_firewall_options" "guest" {
  node_name    = proxmox_virtual_environment_container.guest.node_name
  container_id = proxmox_virtual_environment_container.guest.vm_id

  enabled       = true
  input_policy  = "DROP"
  output_policy = "ACCEPT"
  macfilter     = true
  # Without an address of ours the filter would let nothing through.
  ipfilter = local.is_static
  dhcp     = !local.is_static
  ndp      = true
  radv     = false
}

resource "proxmox_virtual_environment_firewall_ipset" "guest" {
  count = local.is_static ? 1 : 0

  node_name    = proxmox_virtual_environment_container.guest.node_name
  container_id = proxmox_virtual_environment_container.guest.vm_id
  name         = "ipfilter-net0"

  cidr {
    name = split("/", var.address)[0]
  }
}

resource "proxmox_virtual_environment_firewall_rules" "guest" {
  node_name    = proxmox_virtual_environment_container.guest.node_name
  container_id = proxmox_virtual_environment_container.guest.vm_id

  dynamic "rule" {
    for_each = local.rules

    content {
      type    = rule.value.type
      action  = rule.value.action
      source  = rule.value.from
      dest    = rule.value.to
      proto   = rule.value.proto
      dport   = rule.value.port
      comment = rule.value.comment
    }
  }
}
