// Package settings reads what the proxy is told from outside: one environment variable a setting, and a
// flag of the same name in kebab-case that overrides it (BACKENDS_FILE, -backends-file). Settings is its
// central type; Parse checks every value and names the setting that is wrong. What concerns one backend
// is in the file of backends, which package backend reads.
package settings
