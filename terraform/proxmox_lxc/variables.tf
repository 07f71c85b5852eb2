variable "template" {
  description = "The volume id of the template that the container is made from."
  type        = string

  validation {
    condition     = can(regex("^[^:]+:vztmpl/[^/]+$", var.template))
    error_message = "The template must be a volume id such as local:vztmpl/debian-12.tar.zst."
  }
}

variable "os_type" {
  description = "The family of the template's system, as Proxmox names it."
  type        = string
  default     = "unmanaged"
}

variable "swap" {
  description = "How much swap the container has, in MB."
  type        = number
  default     = 0
}

variable "node" {
  description = "The node that the guest is on."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$", var.node))
    error_message = "The node must be a node's name, as the cluster shows it."
  }
}

variable "vmid" {
  description = "The guest's number, which no other guest of the cluster ever had."
  type        = number

  validation {
    condition     = var.vmid >= 100 && var.vmid <= 999999999 && floor(var.vmid) == var.vmid
    error_message = "The vmid must be a whole number from 100 to 999999999."
  }
}

variable "pool" {
  description = "The pool in which the platform's token may make guests."
  type        = string
}

variable "hostname" {
  description = "The guest's name, a DNS label."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", var.hostname))
    error_message = "The hostname must be a DNS label in lower case."
  }
}

variable "description" {
  description = "Whose guest it is, and what app it runs; shown as the guest's notes."
  type        = string
}

variable "tags" {
  description = "The guest's tags; Proxmox keeps them sorted and in lower case."
  type        = list(string)

  validation {
    condition     = alltrue([for tag in var.tags : can(regex("^[a-z0-9_][a-z0-9_.+-]*$", tag))])
    error_message = "Tags must be in lower case."
  }

  validation {
    condition     = join(",", var.tags) == join(",", sort(distinct(var.tags)))
    error_message = "Tags must be sorted, each once."
  }
}

variable "storage" {
  description = "The storage of the guest's disk."
  type        = string
}

variable "cores" {
  description = "How many processors the guest has."
  type        = number

  validation {
    condition     = var.cores >= 1 && floor(var.cores) == var.cores
    error_message = "The cores must be a whole number from 1."
  }
}

variable "cpu_limit" {
  description = "How much of the processors' time the guest may use, in processors; 0 for all."
  type        = number
  default     = 0

  validation {
    condition     = var.cpu_limit >= 0 && var.cpu_limit <= var.cores
    error_message = "The limit must be from 0 to the number of cores."
  }
}

variable "memory" {
  description = "How much memory the guest has, in MB."
  type        = number

  validation {
    condition     = var.memory >= 64 && floor(var.memory) == var.memory
    error_message = "The memory must be a whole number from 64, in MB."
  }
}

variable "disk" {
  description = "The size of the guest's disk, in GB; it never shrinks."
  type        = number

  validation {
    condition     = var.disk >= 1 && floor(var.disk) == var.disk
    error_message = "The disk must be a whole number from 1, in GB."
  }
}

variable "bridge" {
  description = "The bridge that the guest's network card is on."
  type        = string
}

variable "vlan" {
  description = "The VLAN of the guest's network card; 0 for none."
  type        = number
  default     = 0

  validation {
    condition     = var.vlan >= 0 && var.vlan <= 4094 && floor(var.vlan) == var.vlan
    error_message = "The VLAN must be a whole number from 1 to 4094, or 0 for none."
  }
}

variable "mac" {
  description = "The network card's MAC address, in upper case as Proxmox keeps it."
  type        = string

  validation {
    condition     = can(regex("^[0-9A-F][26AE](:[0-9A-F]{2}){5}$", var.mac))
    error_message = "The MAC address must be a locally administered one, in upper case."
  }
}

variable "address" {
  description = "The guest's address with its prefix, such as 10.0.0.20/24, or dhcp."
  type        = string

  validation {
    condition     = var.address == "dhcp" || can(cidrhost(var.address, 0))
    error_message = "The address must look like 10.0.0.20/24, or be dhcp."
  }
}

variable "gateway" {
  description = "The way out of the guest's network; empty for none, and with DHCP."
  type        = string
  default     = ""
}

variable "dns" {
  description = "The addresses of name servers; empty for the node's own, and with DHCP."
  type        = list(string)
  default     = []
}

variable "ssh_key" {
  description = "The public key that root is entered with."
  type        = string

  validation {
    condition     = can(regex("^ssh-[a-z0-9-]+ [A-Za-z0-9+/=]+( [^\n]*)?$", var.ssh_key))
    error_message = "The key must be one line in OpenSSH's form."
  }
}

variable "port" {
  description = "The app's port, open to everyone."
  type        = number

  validation {
    condition     = var.port >= 1 && var.port <= 65535 && floor(var.port) == var.port
    error_message = "The port must be a whole number from 1 to 65535."
  }
}

variable "ssh_from" {
  description = "From where the guest may be entered by SSH: addresses and networks; empty: any."
  type        = list(string)
  default     = []
}

variable "guests" {
  description = "Where other guests are, which this one may not reach: addresses, networks, ranges."
  type        = list(string)
  default     = []
}

variable "services" {
  description = "What the guest installs from that lies among other guests: addresses and TCP ports."
  type        = list(object({ address = string, port = number }))
  default     = []
}

variable "reachable" {
  description = "What else the guest may reach among other guests: addresses and networks."
  type        = list(string)
  default     = []
}

variable "nodes" {
  description = "The addresses of the cluster's nodes, whose API this guest may not reach."
  type        = list(string)
  default     = []
}

variable "timeout" {
  description = "How long one task of Proxmox may take, in seconds."
  type        = number
  default     = 1800
}
