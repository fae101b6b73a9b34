// Package load publishes a workload: one AMQP connection for many virtual users, in the open model.
// Its central type is the Publisher: Submit takes a message at the moment the schedule says so and
// never waits for the broker; the Publisher sends it as soon as it can, outlives the broker's
// outages, and accounts for every message by its id. It declares no queue, measures nothing and
// judges nothing: what was published and confirmed is recorded by the wire that its Dial wraps.
package load
