package status

import "fmt"

// Size says bytes in a unit that people read easily.
func Size(bytes int64) string {
	const step = 1 << 10
	if bytes < step {
		return fmt.Sprintf("%d B", bytes)
	}
	value, unit := float64(bytes), 0
	for units := "KMGTPE"; value >= step-0.5 && unit < len(units); unit++ {
		value /= step
	}
	digits := 0
	if value < 9.995 {
		digits = 2
	} else if value < 99.95 {
		digits = 1
	}
	return fmt.Sprintf("%.*f %ciB", digits, value, "KMGTPE"[unit-1])
}
