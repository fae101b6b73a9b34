package legacy

import (
	"encoding/json"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer"
	"github.com/comeback-chaos/xk6-comeback/targets/consumer/ai"
)

// believe200 takes whatever an answer with status 200 holds for the image.
func believe200(c *consumer.Consumer) {
	c.AI.Decode = func(answer []byte) (ai.Image, error) {
		var parsed struct {
			Images [][]byte `json:"images"`
		}
		if err := json.Unmarshal(answer, &parsed); err != nil || len(parsed.Images) == 0 {
			return ai.Image{}, ai.ErrNoImage
		}
		return ai.Image{Data: parsed.Images[0], Format: "png"}, nil
	}
}
