variable "guest_id" {
  description = "The guest's uuid; also the name of its folder."
  type        = string

  validation {
    condition     = can(regex("^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", var.guest_id))
    error_message = "The guest's id must be a uuid in lower case."
  }
}

variable "marker" {
  description = "Whose guest it is: the installation's uuid, a slash, the guest's uuid."
  type        = string
}

variable "incarnation" {
  description = "Counts the times that the guest was made anew; another number replaces it."
  type        = number
  default     = 1
}

variable "folder" {
  description = "The absolute path of the guest's folder; its last part is the guest's id."
  type        = string
}

variable "hostname" {
  description = "The guest's name, a DNS label."
  type        = string
}

variable "address" {
  description = "The loopback address at which the app answers."
  type        = string

  validation {
    condition     = can(regex("^127(\\.[0-9]{1,3}){3}$", var.address))
    error_message = "The address must lie in 127.0.0.0/8."
  }
}

variable "port" {
  description = "The app's port at that address."
  type        = number

  validation {
    condition     = var.port >= 1 && var.port <= 65535 && floor(var.port) == var.port
    error_message = "The port must be a whole number from 1 to 65535."
  }
}

variable "cores" {
  description = "How many processors the app may use."
  type        = number
}

variable "memory" {
  description = "How much memory the app may use, in MB."
  type        = number
}

variable "disk" {
  description = "How much disk the app was promised, in GB; noted, not enforced."
  type        = number
}

variable "uid" {
  description = "The user that the app runs as; takes effect only where the platform is root."
  type        = number
}

variable "python" {
  description = "The absolute path of the Python that runs the guest program."
  type        = string
}

variable "program" {
  description = "The absolute path of the guest program, guest.py."
  type        = string
}
