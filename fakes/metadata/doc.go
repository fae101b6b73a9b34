// Package metadata is the instance metadata service of a cloud instance (EC2, version 2 only): session
// tokens, instance id, region, and the notice that a spot instance gets before it is taken away. Service
// is the server, in the lab's process, one for each instance; its rules make it fail as real servers
// do. It ends no instance: whoever announces the end has to bring it about.
package metadata

// The paths that it answers.
const (
	PathToken    = "/latest/api/token"
	PathInstance = "/latest/meta-data/instance-id"
	PathRegion   = "/latest/meta-data/placement/region"
	PathAction   = "/latest/meta-data/spot/instance-action"
)

// The headers of a session.
const (
	HeaderToken = "X-Aws-Ec2-Metadata-Token"
	HeaderTTL   = "X-Aws-Ec2-Metadata-Token-Ttl-Seconds"
)

const maxTTL = 21600 // seconds
