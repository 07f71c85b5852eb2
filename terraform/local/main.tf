# A guest on this machine: a folder, a loopback address of its own, and a supervisor.
# Its provisioners run the guest program directly, without a shell. A destroy provisioner can
# refer to nothing but its own resource, so all that it needs is kept in `input`.

resource "terraform_data" "guest" {
  # Only what a guest is makes a new one. Resources and the program's path may change: the
  # platform tells the running guest about new resources, and the state follows in place.
  triggers_replace = {
    guest_id    = var.guest_id
    marker      = var.marker
    incarnation = var.incarnation
    address     = var.address
    port        = var.port
  }

  input = {
    interpreter = [var.python, "-I", "-S", var.program]
    guest_id    = var.guest_id
    address     = var.address
    port        = var.port
    environment = {
      PAAS_GUEST_FOLDER   = var.folder
      PAAS_GUEST_UUID     = var.guest_id
      PAAS_GUEST_MARKER   = var.marker
      PAAS_GUEST_HOSTNAME = var.hostname
      PAAS_GUEST_ADDRESS  = var.address
      PAAS_GUEST_PORT     = tostring(var.port)
      PAAS_GUEST_CORES    = tostring(var.cores)
      PAAS_GUEST_MEMORY   = tostring(var.memory)
      PAAS_GUEST_DISK     = tostring(var.disk)
      PAAS_GUEST_UID      = tostring(var.uid)
    }
  }

  provisioner "local-exec" {
    interpreter = self.input.interpreter
    command     = "create"
    environment = self.input.environment
  }

  provisioner "local-exec" {
    when        = destroy
    interpreter = self.input.interpreter
    command     = "destroy"
    environment = self.input.environment
  }
}
