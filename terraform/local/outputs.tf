output "guest_id" {
  description = "The guest's uuid."
  value       = terraform_data.guest.output.guest_id
}

output "address" {
  description = "The address at which the app answers."
  value       = terraform_data.guest.output.address
}

output "port" {
  description = "The app's port at that address."
  value       = terraform_data.guest.output.port
}

output "access_url" {
  description = "Where a browser finds the app."
  value       = "http://${terraform_data.guest.output.address}:${terraform_data.guest.output.port}"
}
