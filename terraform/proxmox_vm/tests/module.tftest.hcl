# Plans with an invented provider: what the module asks for, and what it refuses.

mock_provider "proxmox" {}

variables {
  node           = "pve1"
  vmid           = 100000
  pool           = "paas"
  hostname       = "shop-1a2b"
  description    = "paas: marker"
  tags           = ["paas", "paas-0badcafe"]
  storage        = "local-lvm"
  cores          = 1
  memory         = 512
  disk           = 5
  bridge         = "vmbr0"
  mac            = "02:AA:BB:CC:DD:EE"
  address        = "10.0.0.20/24"
  gateway        = "10.0.0.1"
  dns            = ["10.0.0.1"]
  ssh_key        = "ssh-ed25519 AAAA"
  port           = 8000
  ssh_from       = ["10.0.0.5", "10.0.1.0/24"]
  guests         = ["10.0.0.20-10.0.0.99"]
  services       = [{ address = "10.0.0.40", port = 3142 }]
  reachable      = ["10.0.0.48/28"]
  nodes          = ["192.0.2.11", "192.0.2.12"]
  template       = 9000
  template_node  = "pve1"
  disk_interface = "scsi0"
}

run "a_static_guest_is_held_to_its_address" {
  command = plan

  assert {
    condition     = proxmox_virtual_environment_firewall_options.guest.input_policy == "DROP"
    error_message = "What comes in must be dropped unless a rule lets it in."
  }

  assert {
    condition = alltrue([
      proxmox_virtual_environment_firewall_options.guest.enabled,
      proxmox_virtual_environment_firewall_options.guest.macfilter,
      proxmox_virtual_environment_firewall_options.guest.ipfilter,
    ])
    error_message = "The firewall and both filters must be on."
  }

  assert {
    condition     = one(proxmox_virtual_environment_firewall_ipset.guest[0].cidr).name == "10.0.0.20"
    error_message = "Only the guest's own address may pass its filter."
  }

  assert {
    condition     = output.address == "10.0.0.20"
    error_message = "The address must be given without its prefix."
  }
}

run "rules_are_in_order" {
  command = plan

  assert {
    condition = [for rule in proxmox_virtual_environment_firewall_rules.guest.rule :
      "${rule.type} ${rule.action} ${rule.source}${rule.dest} ${rule.proto}/${rule.dport}"
      ] == [
      "in ACCEPT  tcp/8000",
      "in ACCEPT 10.0.0.5 tcp/22",
      "in ACCEPT 10.0.1.0/24 tcp/22",
      "out REJECT ::/0 /",
      "out REJECT 192.0.2.11 tcp/8006",
      "out REJECT 192.0.2.12 tcp/8006",
      "out ACCEPT 10.0.0.1 udp/53",
      "out ACCEPT 10.0.0.1 tcp/53",
      "out ACCEPT 10.0.0.40 tcp/3142",
      "out ACCEPT 10.0.0.48/28 /",
      "out REJECT 10.0.0.20-10.0.0.99 /",
    ]
    error_message = "The app and the platform come in; other guests and the API are refused."
  }
}

run "by_dhcp_the_network_is_refused_but_for_what_a_guest_needs_there" {
  command = plan

  variables {
    address   = "dhcp"
    gateway   = ""
    dns       = []
    guests    = ["10.0.0.0/24"]
    reachable = ["10.0.0.1"]
  }

  assert {
    condition = [for rule in proxmox_virtual_environment_firewall_rules.guest.rule :
      "${rule.type} ${rule.action} ${rule.source}${rule.dest} ${rule.proto}/${rule.dport}"
      ] == [
      "in ACCEPT  tcp/8000",
      "in ACCEPT 10.0.0.5 tcp/22",
      "in ACCEPT 10.0.1.0/24 tcp/22",
      "out REJECT ::/0 /",
      "out REJECT 192.0.2.11 tcp/8006",
      "out REJECT 192.0.2.12 tcp/8006",
      "out ACCEPT 10.0.0.0/24 udp/67",
      "out ACCEPT 10.0.0.0/24 udp/53",
      "out ACCEPT 10.0.0.0/24 tcp/53",
      "out ACCEPT 10.0.0.40 tcp/3142",
      "out ACCEPT 10.0.0.1 /",
      "out REJECT 10.0.0.0/24 /",
    ]
    error_message = "Addresses, names, mirrors and the gateway can be reached; other guests and the API cannot."
  }
}

run "name_servers_that_are_known_are_the_only_ones" {
  command = plan

  variables {
    address = "dhcp"
    gateway = ""
    guests  = ["10.0.0.0/24"]
  }

  assert {
    condition = [for rule in proxmox_virtual_environment_firewall_rules.guest.rule :
      rule.dest if rule.dport == "53"
    ] == ["10.0.0.1", "10.0.0.1"]
    error_message = "With name servers of the settings no other is let through."
  }
}

run "dhcp_has_no_filter_of_addresses" {
  command = plan

  variables {
    address = "dhcp"
    gateway = ""
    dns     = []
    guests  = ["10.0.0.0/24"]
  }

  assert {
    condition     = length(proxmox_virtual_environment_firewall_ipset.guest) == 0
    error_message = "There is no address to filter by."
  }

  assert {
    condition = alltrue([
      proxmox_virtual_environment_firewall_options.guest.dhcp,
      !proxmox_virtual_environment_firewall_options.guest.ipfilter,
    ])
    error_message = "DHCP must pass, and the filter of addresses be off."
  }
}

run "a_machine_is_a_full_clone_that_is_ended_when_destroyed" {
  command = plan

  assert {
    condition     = one(proxmox_virtual_environment_vm.guest.clone).full
    error_message = "A linked clone would tie the template to its guests."
  }

  assert {
    condition     = proxmox_virtual_environment_vm.guest.stop_on_destroy
    error_message = "A guest that does not heed a request to end must not hold up its removal."
  }

  assert {
    condition     = !one(proxmox_virtual_environment_vm.guest.agent).enabled
    error_message = "Without DHCP nobody may wait for the agent."
  }

  assert {
    condition     = one(proxmox_virtual_environment_vm.guest.network_device).firewall
    error_message = "The card must pass the firewall."
  }
}

run "tags_in_upper_case_is_refused" {
  command = plan

  variables {
    tags = ["PaaS"]
  }

  expect_failures = [var.tags]
}

run "tags_out_of_order_is_refused" {
  command = plan

  variables {
    tags = ["b", "a"]
  }

  expect_failures = [var.tags]
}

run "a_mac_of_a_vendor_is_refused" {
  command = plan

  variables {
    mac = "BC:24:11:00:00:01"
  }

  expect_failures = [var.mac]
}

run "a_hostname_in_upper_case_is_refused" {
  command = plan

  variables {
    hostname = "Shop"
  }

  expect_failures = [var.hostname]
}

run "an_address_without_a_prefix_is_refused" {
  command = plan

  variables {
    address = "10.0.0.20"
  }

  expect_failures = [var.address]
}

run "a_vmid_that_is_too_low_is_refused" {
  command = plan

  variables {
    vmid = 99
  }

  expect_failures = [var.vmid]
}

run "a_port_that_is_too_high_is_refused" {
  command = plan

  variables {
    port = 65536
  }

  expect_failures = [var.port]
}

run "half_of_a_processors_time_is_a_limit" {
  command = plan

  variables {
    cpu_limit = 0.5
  }

  assert {
    condition     = proxmox_virtual_environment_vm.guest.cpu[0].limit == 0.5
    error_message = "The limit must be the one that is given."
  }

  assert {
    condition     = proxmox_virtual_environment_vm.guest.cpu[0].cores == 1
    error_message = "The guest has whole processors all the same."
  }
}

run "a_limit_above_the_cores_is_refused" {
  command = plan

  variables {
    cpu_limit = 1.5
  }

  expect_failures = [var.cpu_limit]
}

run "half_a_core_is_refused" {
  command = plan

  variables {
    cores = 0.5
  }

  expect_failures = [var.cores]
}

run "a_key_of_two_lines_is_refused" {
  command = plan

  variables {
    ssh_key = "ssh-ed25519 AAAA\nssh-ed25519 BBBB"
  }

  expect_failures = [var.ssh_key]
}

run "a_disk_on_ide_is_refused" {
  command = plan

  variables {
    disk_interface = "ide0"
  }

  expect_failures = [var.disk_interface]
}

