// Package settings reads what the consumer is told from outside: one environment variable a setting,
// and a flag of the same name in kebab-case that overrides it (AMQP_URL, -amqp-url). Settings is its
// central type; Parse checks every value and names the setting that is wrong. It reads no files and
// opens no connection.
package settings
