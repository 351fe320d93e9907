package config

import "reflect"

// Changes compares two configurations: it returns the keys that differ, those that a running agent can take over and those
// that hold from the next start on.
func Changes(old, now *Config) (live, fixed []string) {
	walk(reflect.ValueOf(*old), reflect.ValueOf(*now), "", func(path string, reload bool) {
		if reload {
			live = append(live, path)
		} else {
			fixed = append(fixed, path)
		}
	})
	return live, fixed
}

// walk calls differ for each key whose values are not the same. A list or a map is one value.
func walk(old, now reflect.Value, path string, differ func(path string, reload bool)) {
	for i, key := range keys(old.Type()) {
		x, y, at := old.Field(i), now.Field(i), join(path, key)
		_, scalar := reflect.New(x.Type()).Interface().(setter)
		switch {
		case x.Kind() == reflect.Struct && !scalar:
			walk(x, y, at, differ)
		case !reflect.DeepEqual(x.Interface(), y.Interface()):
			differ(at, old.Type().Field(i).Tag.Get("reload") == "yes")
		}
	}
}
