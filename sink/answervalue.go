package sink

// object reads an object and calls member behind the colon of each key; member reads the value. The key is valid until
// then.
func (a *answer) object(member func(key []byte) error) error {
	if err := a.open('{'); err != nil {
		return err
	}
	defer func() { a.depth-- }()
	c, err := a.next()
	if err != nil || c == '}' {
		return err
	}
	for {
		if c != '"' {
			return a.bad("a key is missing")
		}
		if err := a.string(); err != nil {
			return err
		}
		if err := a.expect(':'); err != nil {
			return err
		}
		if err := member(a.str); err != nil {
			return err
		}
		if c, err = a.next(); err != nil || c == '}' {
			return err
		}
		if c != ',' {
			return a.bad("a comma is missing")
		}
		if c, err = a.next(); err != nil {
			return err
		}
	}
}

// array reads an array and calls element, which reads it, in front of each element.
func (a *answer) array(element func() error) error {
	if err := a.open('['); err != nil {
		return err
	}
	defer func() { a.depth-- }()
	c, err := a.next()
	if err != nil || c == ']' {
		return err
	}
	a.at--
	for {
		if err := element(); err != nil {
			return err
		}
		if c, err = a.next(); err != nil || c == ']' {
			return err
		}
		if c != ',' {
			return a.bad("a comma is missing")
		}
		if err = a.space(); err != nil {
			return err
		}
	}
}

func (a *answer) open(bracket byte) error {
	if a.depth++; a.depth > maxDepth {
		return a.bad("nested too deep")
	}
	return a.expect(bracket)
}

func (a *answer) expect(want byte) error {
	c, err := a.next()
	if err == nil && c != want {
		err = a.bad("no %q where one belongs", want)
	}
	return err
}

// skip reads past one value of any kind.
func (a *answer) skip() error {
	c, err := a.next()
	if err != nil {
		return err
	}
	switch {
	case c == '"':
		return a.string()
	case c == '{':
		a.at--
		return a.object(func([]byte) error { return a.skip() })
	case c == '[':
		a.at--
		return a.array(a.skip)
	case c == 't':
		return a.word("rue")
	case c == 'f':
		return a.word("alse")
	case c == 'n':
		return a.word("ull")
	}
	a.at--
	return a.number()
}

func (a *answer) word(rest string) error {
	for i := range len(rest) {
		if c, err := a.byte(); err != nil {
			return err
		} else if c != rest[i] {
			return a.bad("not a value")
		}
	}
	return nil
}

// integer reads a number of at most 9 digits and nothing but digits.
func (a *answer) integer() (int, error) {
	if err := a.space(); err != nil {
		return 0, err
	}
	n, digits := 0, 0
	for {
		c, err := a.byte()
		if err != nil {
			return 0, err
		}
		if c < '0' || c > '9' {
			a.at--
			break
		}
		if digits++; digits > 9 || digits > 1 && n == 0 {
			return 0, a.bad("not a status")
		}
		n = 10*n + int(c-'0')
	}
	if digits == 0 {
		return 0, a.bad("not a status")
	}
	return n, nil
}

// number reads past a JSON number. An answer never ends with one, so there is always a byte behind it.
func (a *answer) number() error {
	c, err := a.byte()
	if err == nil && c == '-' {
		c, err = a.byte()
	}
	if err != nil {
		return err
	}
	if c == '0' {
		c, err = a.byte()
	} else {
		c, err = a.digits(c)
	}
	if err == nil && c == '.' {
		if c, err = a.byte(); err == nil {
			c, err = a.digits(c)
		}
	}
	if err == nil && (c == 'e' || c == 'E') {
		if c, err = a.byte(); err == nil && (c == '+' || c == '-') {
			c, err = a.byte()
		}
		if err == nil {
			_, err = a.digits(c)
		}
	}
	if err == nil {
		a.at--
	}
	return err
}

// digits reads past c, which must be a digit, and those that follow, and returns the byte behind them.
func (a *answer) digits(c byte) (byte, error) {
	if c < '0' || c > '9' {
		return 0, a.bad("not a value")
	}
	for {
		if c, err := a.byte(); err != nil || c < '0' || c > '9' {
			return c, err
		}
	}
}
