// Package host knows the machine that the consumer runs on: its swap, and the executables that restart
// the AI process and terminate the instance. Command is its central type; judging an exit code is a
// function apart from running it. When to do any of it is decided elsewhere.
package host
