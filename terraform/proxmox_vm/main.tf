# One virtual machine, cloned from a template with cloud-init, with its firewall. The provider takes its endpoint and token from
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

resource "proxmox_virtual_environment_vm" "guest" {
  node_name       = var.node
  vm_id           = var.vmid
  pool_id         = var.pool
  name            = var.hostname
  description     = var.description
  tags            = var.tags
  on_boot         = true
  stop_on_destroy = true

  timeout_clone       = var.timeout
  timeout_create      = var.timeout
  timeout_start_vm    = var.timeout
  timeout_stop_vm     = var.timeout
  timeout_shutdown_vm = var.timeout
  timeout_reboot      = var.timeout

  clone {
    vm_id        = var.template
    node_name    = var.template_node
    datastore_id = var.storage
    full         = true
    # The platform tries again itself, after it has seen what the failed clone left.
    retries = 1
  }

  # A guest with an address of ours is not asked for it: an agent that is silent would hold up
  # every refresh. With DHCP the platform asks the agent itself.
  agent {
    enabled = !local.is_static

    wait_for_ip {
      disabled = true
    }
  }

  cpu {
    cores = var.cores
    limit = var.cpu_limit
    type  = var.cpu_type
  }

  memory {
    dedicated = var.memory
  }

  disk {
    interface    = var.disk_interface
    datastore_id = var.storage
    size         = var.disk
    iothread     = var.disk_iothread
    ssd          = var.disk_ssd
    discard      = var.disk_discard
    cache        = var.disk_cache
    aio          = var.disk_aio
  }

  network_device {
    bridge      = var.bridge
    vlan_id     = var.vlan
    mac_address = var.mac
    model       = "virtio"
    firewall    = true
  }

  # Debian's and Ubuntu's cloud images do not start without one.
  serial_device {}

  initialization {
    datastore_id = var.storage

    ip_config {
      ipv4 {
        address = var.address
        gateway = var.gateway == "" ? null : var.gateway
      }
    }

    dynamic "dns" {
      for_each = length(var.dns) > 0 ? [var.dns] : []

      content {
        servers = dns.value
      }
    }

    user_account {
      username = "root"
      keys     = [var.ssh_key]
    }
  }

  lifecycle {
    # What a clone has from its template stays so, and what only a clone reads, or the platform
    # does itself, never asks for a new guest.
    ignore_changes = [
      clone,
      bios,
      machine,
      scsi_hardware,
      operating_system,
      vga,
      boot_order,
      disk[0].datastore_id,
      disk[0].file_format,
      initialization[0].datastore_id,
      initialization[0].user_account,
      started,
    ]
  }
}

resource "proxmox_virtual_environment_firewall_options" "guest" {
  node_name = proxmox_virtual_environment_vm.guest.node_name
  vm_id     = proxmox_virtual_environment_vm.guest.vm_id

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

  node_name = proxmox_virtual_environment_vm.guest.node_name
  vm_id     = proxmox_virtual_environment_vm.guest.vm_id
  name      = "ipfilter-net0"

  cidr {
    name = split("/", var.address)[0]
  }
}

resource "proxmox_virtual_environment_firewall_rules" "guest" {
  node_name = proxmox_virtual_environment_vm.guest.node_name
  vm_id     = proxmox_virtual_environment_vm.guest.vm_id

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
