// Package consumer takes image jobs from a RabbitMQ queue, has an AI process on the same host do them,
// reports the images to an API server, and keeps all of that going: it waits, restarts, escalates and
// parks as the state of the host and of the AI process demands. Consumer is its central type; each of
// its decisions is a field that New fills in. Main is the whole program. What one job is, how a queue is
// consumed and how a hook is run are packages of their own below this one.
package consumer
