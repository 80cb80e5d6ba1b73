package escpos

import "bytes"

// The control codes that a command begins with.
const (
	ht  = 0x09
	lf  = 0x0A
	ff  = 0x0C
	cr  = 0x0D
	dle = 0x10
	can = 0x18
	esc = 0x1B
	fs  = 0x1C
	gs  = 0x1D
)

// The lengths of commands that have nothing in them for us: command code and parameters.
var (
	escSkip = map[byte]int{
		' ': 2, '!': 2, '-': 2, '2': 1, '3': 2, '<': 1, '=': 2, '?': 2, 'E': 2, 'G': 2, 'L': 1, 'M': 2, 'R': 2, 'S': 1, 'T': 2, 'U': 2, 'V': 2,
		'W': 9, 'a': 2, 'c': 3, 'p': 4, 'r': 2, 'u': 2, 'v': 1, '{': 2, 'K': 2, 'Z': 1, 'f': 3,
	}
	fsSkip = map[byte]int{'!': 2, '&': 1, '.': 1, 'C': 2, '-': 2, 'S': 3, 'W': 2, '?': 3, '2': 75}
	gsSkip = map[byte]int{
		'!': 2, 'B': 2, 'E': 2, 'H': 2, 'I': 2, 'L': 3, 'P': 3, 'T': 2, 'W': 3, '^': 4, 'a': 2, 'b': 2, 'f': 2, 'h': 2, 'r': 2, 'w': 2, 'x': 2,
		':': 1, 'c': 1, 'j': 2, 'z': 4, 'D': 2,
	}
)

// command takes the command at the beginning of p. ok is false when its end has
// not come yet; cut says that the paper was cut behind it.
func (d *Decoder) command(p []byte) (n int, cut, ok bool) {
	switch p[0] {
	case ht:
		for more := 8 - len(d.runes)%8; more > 0; more-- {
			d.runes = append(d.runes, ' ')
		}
		return 1, false, true
	case lf:
		d.feed(true)
		return 1, false, true
	case ff:
		d.feed(false)
		return 1, false, true
	case cr, 0x00, can:
		if p[0] == can {
			d.runes = nil // cancels what was not printed yet
		}
		return 1, false, true
	case dle:
		n, ok = skipDLE(p)
		return n, false, ok
	case esc:
		return d.escape(p)
	case fs:
		return d.foreign(p)
	case gs:
		return d.group(p)
	}
	d.problem("control code %02Xh is not known", p[0])
	return 1, false, true
}

func have(p []byte, n int) bool { return len(p) >= n }

// skipDLE are the real-time commands: status, recover, pulse, power off, clear.
func skipDLE(p []byte) (int, bool) {
	if !have(p, 2) {
		return 0, false
	}
	n := map[byte]int{0x04: 3, 0x05: 3}[p[1]]
	if p[1] == 0x14 {
		if !have(p, 3) {
			return 0, false
		}
		n = map[byte]int{1: 5, 2: 5, 3: 6, 7: 4, 8: 10}[p[2]]
	}
	if n == 0 {
		n = 1
	}
	return n, have(p, n)
}

func (d *Decoder) escape(p []byte) (n int, cut, ok bool) {
	if !have(p, 2) {
		return 0, false, false
	}
	if k, known := escSkip[p[1]]; known {
		return k + 1, false, have(p, k+1)
	}
	switch p[1] {
	case '@':
		d.feed(false)
		d.reset()
		return 2, false, true
	case 't':
		if !have(p, 3) {
			return 0, false, false
		}
		d.page, d.known = d.o.Pages[p[2]]
		d.number = p[2]
		return 3, false, true
	case '%':
		if !have(p, 3) {
			return 0, false, false
		}
		d.user = p[2]&1 == 1
		return 3, false, true
	case '&':
		n, ok = d.download(p)
		return n, false, ok
	case '$', '\\':
		if have(p, 4) {
			d.space()
		}
		return 4, false, have(p, 4)
	case 'd', 'J', 'e':
		if have(p, 3) {
			d.feed(false)
		}
		return 3, false, have(p, 3)
	case 'i', 'm': // cuts of older printers
		d.feed(false)
		return 2, true, true
	case 'D': // tab stops, ended by a zero
		end := bytes.IndexByte(p[2:], 0)
		return end + 3, false, end >= 0
	case ff:
		d.feed(false)
		return 2, false, true
	case '*':
		if !have(p, 5) {
			return 0, false, false
		}
		size := int(p[3]) + int(p[4])<<8
		if p[2] == 32 || p[2] == 33 {
			size *= 3
		}
		if ok = have(p, 5+size); ok {
			d.picture()
		}
		return 5 + size, false, ok
	}
	d.problem("command ESC %02Xh is not known", p[1])
	return 2, false, true
}

func (d *Decoder) foreign(p []byte) (n int, cut, ok bool) {
	if !have(p, 2) {
		return 0, false, false
	}
	if k, known := fsSkip[p[1]]; known {
		return k + 1, false, have(p, k+1)
	}
	switch p[1] {
	case 'p': // a stored picture
		if have(p, 4) {
			d.picture()
		}
		return 4, false, have(p, 4)
	case '(':
		n, ok = sized(p)
		return n, false, ok
	case 'q': // defines stored pictures
		if !have(p, 3) {
			return 0, false, false
		}
		at := 3
		for range p[2] {
			if !have(p, at+4) {
				return 0, false, false
			}
			at += 4 + (int(p[at])+int(p[at+1])<<8)*(int(p[at+2])+int(p[at+3])<<8)*8
		}
		return at, false, have(p, at)
	}
	d.problem("command FS %02Xh is not known", p[1])
	return 2, false, true
}

// sized is a command with its length behind it: XX ( fn pL pH data.
func sized(p []byte) (int, bool) {
	if !have(p, 5) {
		return 0, false
	}
	n := 5 + int(p[3]) + int(p[4])<<8
	return n, have(p, n)
}

func (d *Decoder) group(p []byte) (n int, cut, ok bool) {
	if !have(p, 2) {
		return 0, false, false
	}
	if k, known := gsSkip[p[1]]; known {
		return k + 1, false, have(p, k+1)
	}
	switch p[1] {
	case '$', '\\':
		if have(p, 4) {
			d.space()
		}
		return 4, false, have(p, 4)
	case 'V':
		if !have(p, 3) {
			return 0, false, false
		}
		n = 3
		if p[2] >= 65 { // feeds before it cuts
			n = 4
		}
		if ok = have(p, n); ok {
			d.feed(false)
		}
		return n, ok, ok
	case '(':
		if n, ok = sized(p); ok {
			switch p[2] {
			case 'k':
				d.symbol(p[5:n])
			case 'L':
				if n >= 7 && p[6] == 50 { // prints the stored picture
					d.picture()
				}
			}
		}
		return n, false, ok
	case '8': // GS 8 L: a picture with a length of four bytes
		if !have(p, 7) {
			return 0, false, false
		}
		size := int(p[3]) | int(p[4])<<8 | int(p[5])<<16 | int(p[6])<<24
		if size > maxText*4 {
			d.problem("a picture of %d bytes", size)
			return 7, false, true
		}
		return 7 + size, false, have(p, 7+size)
	case 'v': // GS v 0: raster
		if !have(p, 8) {
			return 0, false, false
		}
		size := (int(p[4]) + int(p[5])<<8) * (int(p[6]) + int(p[7])<<8)
		if ok = have(p, 8+size); ok {
			d.picture()
		}
		return 8 + size, false, ok
	case '*': // defines a picture
		if !have(p, 4) {
			return 0, false, false
		}
		n = 4 + int(p[2])*int(p[3])*8
		return n, false, have(p, n)
	case '/': // prints it
		if have(p, 3) {
			d.picture()
		}
		return 3, false, have(p, 3)
	case 'k':
		return d.barcode(p)
	case 'g':
		return 6, false, have(p, 6)
	case 'C':
		return counter(p)
	}
	d.problem("command GS %02Xh is not known", p[1])
	return 2, false, true
}

// barcode has its data ended by a zero or with a length before it.
func (d *Decoder) barcode(p []byte) (n int, cut, ok bool) {
	if !have(p, 4) {
		return 0, false, false
	}
	from, to := 3, 0
	if p[2] >= 65 {
		from, to = 4, 4+int(p[3])
		n = to
	} else {
		i := bytes.IndexByte(p[3:], 0)
		if i < 0 {
			return 0, false, false
		}
		to, n = 3+i, 4+i
	}
	if !have(p, n) {
		return 0, false, false
	}
	d.doc.Codes = append(d.doc.Codes, string(bytes.ToValidUTF8(p[from:to], []byte("?"))))
	return n, false, true
}

// counter are the commands of a serial number counter.
func counter(p []byte) (int, bool, bool) {
	if !have(p, 3) {
		return 0, false, false
	}
	if p[2] == ';' {
		semicolons := 0
		for i, b := range p[3:] {
			if b == ';' {
				if semicolons++; semicolons == 5 {
					return i + 4, false, true
				}
			}
		}
		return 0, false, false
	}
	n := map[byte]int{'0': 5, '1': 9, '2': 5}[p[2]]
	if n == 0 {
		n = 3
	}
	return n, false, have(p, n)
}
