// Package queue keeps a consumer on a RabbitMQ queue, whatever happens to the channel or connection
// under it. Source is its central type: it hands each Delivery to a handler, settles only what was
// delivered, once, on the channel that delivered it, and gives back what was not started. Publisher
// sends with confirms on a connection of its own. What a job is, the package does not know.
package queue
