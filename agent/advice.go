package main

import (
	"errors"
	"io/fs"

	"golang.org/x/sys/unix"

	"logboom/agent/config"
	"logboom/agent/socket"
	"logboom/checkpoint"
)

// advice says what to do about an error; "" where the error says it all.
func advice(err error) string {
	var wrong *config.Error
	switch {
	case errors.As(err, &wrong):
		return "docs/configuration.md describes every key"
	case errors.Is(err, fs.ErrPermission):
		return "The agent must own data_dir and be able to read the log files: on a node that is user 0, no capabilities needed. Other commands need its user, too."
	case errors.Is(err, socket.ErrNoAgent):
		return "An agent that is starting or ending answers nothing: try again in a few seconds."
	case errors.Is(err, checkpoint.ErrLocked):
		return "Stop that process first, or give this one another data_dir. After a rollout a longer lock_wait may be enough."
	case errors.Is(err, checkpoint.ErrInUse):
		return "An agent that is starting, or another command, has it for a moment: try again in a few seconds."
	case errors.Is(err, checkpoint.ErrTooNew):
		return "Use the release that wrote it, or a later one."
	case errors.Is(err, checkpoint.ErrCorrupt):
		return "logboom run sets it aside and builds a new one from the WAL, the pins and the log files."
	case errors.Is(err, unix.EADDRINUSE):
		return "Another process listens there: set http.listen to a free address, or to off."
	case errors.Is(err, unix.ENOSPC):
		return "Free space on the volume of data_dir."
	case errors.Is(err, unix.EROFS):
		return "data_dir must be on a volume that can be written to."
	}
	return ""
}
