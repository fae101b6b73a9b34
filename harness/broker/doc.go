// Package broker gives a lab its RabbitMQ.
//
// Its central type is Broker, with one implementation for each place a broker can come from: Local, a
// private node of an installed rabbitmq-server that a lab may also kill, pause and restart, and a URL
// of one that already runs. Admin looks into its queues. The package puts no fault on a connection
// (the wire does) and judges nothing.
package broker
