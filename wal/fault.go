package wal

// Fault is how tests make a disk fail: it is asked before each operation that changes the disk, and an error of its is the
// operation's. op is mkdir, create, open, write, sync, close, syncdir, truncate, remove, link or settle. What a failed operation
// leaves behind all the same, such as half of a write, is the Fault's to make.
type Fault func(op, path string) error

// faulty is a disk that fails when its Fault says so.
type faulty struct {
	disk
	fault Fault
}

func (d faulty) Mkdir(path string) error {
	return d.unless("mkdir", path, func() error { return d.disk.Mkdir(path) })
}

func (d faulty) Create(path string) error {
	return d.unless("create", path, func() error { return d.disk.Create(path) })
}

func (d faulty) SyncDir(path string) error {
	return d.unless("syncdir", path, func() error { return d.disk.SyncDir(path) })
}

func (d faulty) Truncate(path string, size int64) error {
	return d.unless("truncate", path, func() error { return d.disk.Truncate(path, size) })
}

func (d faulty) RemoveAll(path string) error {
	return d.unless("remove", path, func() error { return d.disk.RemoveAll(path) })
}

func (d faulty) Link(old, name string) error {
	return d.unless("link", name, func() error { return d.disk.Link(old, name) })
}

func (d faulty) Settle(path string) error {
	return d.unless("settle", path, func() error { return d.disk.Settle(path) })
}

func (d faulty) Open(folder string) (entries, error) {
	if err := d.fault("open", folder); err != nil {
		return nil, err
	}
	e, err := d.disk.Open(folder)
	if err != nil {
		return nil, err
	}
	return faultyEntries{e, d.fault, (&segment{folder: folder}).file()}, nil
}

func (d faulty) unless(op, path string, do func() error) error {
	if err := d.fault(op, path); err != nil {
		return err
	}
	return do()
}

type faultyEntries struct {
	entries
	fault Fault
	path  string
}

func (e faultyEntries) Write(index uint64, data []byte) error {
	if err := e.fault("write", e.path); err != nil {
		return err
	}
	return e.entries.Write(index, data)
}

func (e faultyEntries) Sync() error {
	if err := e.fault("sync", e.path); err != nil {
		return err
	}
	return e.entries.Sync()
}

// Close lets go of the file whatever the Fault says.
func (e faultyEntries) Close() error {
	err := e.fault("close", e.path)
	if closing := e.entries.Close(); err == nil {
		err = closing
	}
	return err
}
