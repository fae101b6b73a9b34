package hooks

import (
	"fmt"
	"strings"
)

const awsUsage = `usage: aws [options] <command> <subcommand> [<subcommand> ...] [parameters]
To see help text, you can run:

  aws help
  aws <command> help
  aws <command> <subcommand> help
`

// checkTerminate reads the arguments as aws would and returns its usage error, "" when they are right:
// ec2 terminate-instances --instance-ids <id> … --region <region>.
func checkTerminate(args []string) string {
	if len(args) < 1 || args[0] != "ec2" {
		return awsError("argument command: Invalid choice, valid choices are: ec2")
	}
	if len(args) < 2 || args[1] != "terminate-instances" {
		return awsError("argument operation: Invalid choice, valid choices are: terminate-instances")
	}
	values := map[string][]string{}
	option := ""
	for _, arg := range args[2:] {
		name, value, joined := strings.Cut(arg, "=")
		switch {
		case name == "--instance-ids" || name == "--region":
			option = name
			if joined {
				values[option] = append(values[option], value)
			}
		case strings.HasPrefix(arg, "-") || option == "":
			return awsError("Unknown options: " + arg)
		case option == "--region" && len(values[option]) > 0:
			return awsError("Unknown options: " + arg)
		default:
			values[option] = append(values[option], arg)
		}
	}
	for _, id := range values["--instance-ids"] {
		if !strings.HasPrefix(id, "i-") {
			return awsError(fmt.Sprintf("Invalid id: %q (expecting \"i-...\")", id))
		}
	}
	for _, option := range []string{"--instance-ids", "--region"} {
		if len(values[option]) == 0 || values[option][0] == "" {
			return awsError("the following arguments are required: " + option)
		}
	}
	return ""
}

func awsError(reason string) string {
	return "\n" + awsUsage + "\naws: error: " + reason + "\n"
}
