package kkm

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/kkmtest/kkmtest/fiscal"
)

// settings are what is entered besides address, token and passwords (KZ 431
// rows 34, 64, 101; KZ 626 rows 40, 73, 117).
type settings struct {
	registration string
	kkmID        uint32
	order        []string          // of the channels; nil: the profile's
	channelSet   map[string]string // by channel
	wifi         []network         // permitted ones, in the order in which they are tried
	mobileOp     string            // "": the best one
	language     []string          // of the paper; nil: the profile's
}

// network is a permitted Wi-Fi network.
type network struct{ name, password string }

func firstSettings(p *Profile) settings {
	s := settings{registration: p.Registration, kkmID: p.OFD.ID, channelSet: map[string]string{}}
	for _, w := range p.WiFi {
		s.wifi = append(s.wifi, network{w.Name, w.Password})
	}
	return s
}

// set takes a value that badSetting had nothing against.
func (s *settings) set(name fiscal.Setting, value string) {
	switch name {
	case fiscal.SetRegistration:
		s.registration = value
	case fiscal.SetKKMID:
		n, _ := strconv.ParseUint(value, 10, 32)
		s.kkmID = uint32(n)
	case fiscal.SetChannels:
		s.order = strings.Fields(value)
	case fiscal.SetChannel:
		channel, rest, _ := strings.Cut(value, " ")
		s.channelSet[channel] = rest
	case fiscal.SetWiFi:
		name, password, _ := strings.Cut(value, " ")
		name, forbid := strings.CutPrefix(name, "-")
		i := slices.IndexFunc(s.wifi, func(n network) bool { return n.name == name })
		switch {
		case forbid && i >= 0:
			s.wifi = slices.Delete(s.wifi, i, i+1)
		case forbid:
		case i >= 0:
			s.wifi[i].password = password
		default:
			s.wifi = append(s.wifi, network{name, password})
		}
	case fiscal.SetMobile:
		if s.mobileOp = value; value == anyOperator {
			s.mobileOp = ""
		}
	case fiscal.SetLanguage:
		s.language = strings.Split(value, "+")
	}
}

// get reads a setting back; passwords are never told.
func (s *settings) get(name fiscal.Setting) string {
	switch name {
	case fiscal.SetRegistration:
		return s.registration
	case fiscal.SetKKMID:
		return strconv.FormatUint(uint64(s.kkmID), 10)
	case fiscal.SetChannels:
		return strings.Join(s.order, " ")
	case fiscal.SetChannel:
		var all []string
		for _, c := range slices.Sorted(maps.Keys(s.channelSet)) {
			all = append(all, c+" "+s.channelSet[c])
		}
		return strings.Join(all, "; ")
	case fiscal.SetWiFi:
		var all []string
		for _, w := range s.wifi {
			all = append(all, w.name)
		}
		return strings.Join(all, " ")
	case fiscal.SetMobile:
		if s.mobileOp == "" {
			return anyOperator
		}
		return s.mobileOp
	case fiscal.SetLanguage:
		return strings.Join(s.language, "+")
	}
	return ""
}

// anyOperator lets the register choose the mobile operator with the best signal.
const anyOperator = "auto"

const (
	longestNumber = 20 // characters of a registration number that a message and a line of paper carry whole
	longestText   = 64 // of the other settings
	mostNetworks  = 8
)

// badSetting says why a value is not taken; "" when it is.
func (r *Register) badSetting(name fiscal.Setting, value string) string {
	if len([]rune(value)) > longestText || strings.ContainsFunc(value, unicode.IsControl) {
		return fmt.Sprintf("want a text of at most %d characters", longestText)
	}
	switch name {
	case fiscal.SetRegistration:
		if !digits(value, r.profile.registrationLength()) || len(value) > longestNumber {
			return fmt.Sprintf("want %d to %d digits", r.profile.registrationLength(), longestNumber)
		}
	case fiscal.SetKKMID:
		if n, err := strconv.ParseUint(value, 10, 32); err != nil || n == 0 {
			return "want a number, 1..4294967295"
		}
	case fiscal.SetChannels:
		got, want := slices.Sorted(slices.Values(strings.Fields(value))), slices.Sorted(slices.Values(r.profile.Channels))
		if !slices.Equal(got, want) {
			return "want each of " + strings.Join(r.profile.Channels, " ") + " once"
		}
	case fiscal.SetChannel:
		channel, rest, _ := strings.Cut(value, " ")
		if !slices.Contains(r.profile.Channels, channel) || strings.TrimSpace(rest) == "" {
			return "want a channel and its settings, such as " + r.profile.Channels[0] + " dhcp"
		}
	case fiscal.SetWiFi:
		name, password, _ := strings.Cut(value, " ")
		bare, forbid := strings.CutPrefix(name, "-")
		switch {
		case !slices.Contains(r.profile.Channels, "wifi"):
			return "this register has no Wi-Fi"
		case bare == "" || !forbid && strings.TrimSpace(password) == "":
			return "want NAME PASSWORD to permit a network, -NAME to forbid it"
		case !forbid && len(r.nv.wifi) >= mostNetworks:
			return fmt.Sprintf("at most %d networks", mostNetworks)
		}
	case fiscal.SetMobile:
		if value != anyOperator && !slices.Contains(r.profile.Mobile, value) {
			return "want " + anyOperator + " or one of " + strings.Join(r.profile.Mobile, ", ")
		}
	case fiscal.SetLanguage:
		if value != "kk" && value != "ru" && value != "kk+ru" {
			return "want kk, ru or kk+ru"
		}
	}
	return ""
}

// registrationLength is how many digits a registration number has at least.
func (p *Profile) registrationLength() int {
	if p.Order == Order626 {
		return 12 // KZ 626 rows 40.2, 73.2, 117.2
	}
	return 1
}

// languages are those of the paper.
func (r *Register) languages() []string {
	if len(r.nv.language) > 0 {
		return r.nv.language
	}
	return r.profile.Languages
}

// channels are those that a request is tried over, in order.
func (r *Register) channels() []string {
	if len(r.nv.order) > 0 {
		return r.nv.order
	}
	return r.profile.Channels
}

// nextChannel goes over to the channel after the present one.
func (r *Register) nextChannel() {
	r.channel = (r.channel + 1) % len(r.channels())
	r.switched = r.loop.Now().Mono
}

// preferred goes back to the first channel some time after it was left.
func (r *Register) preferred() {
	if r.channel != 0 && r.loop.Now().Mono-r.switched > r.profile.Limits.Reconnect {
		r.channel = 0
	}
}

// air is what a register with radio finds around it. Without a word about it
// there is one network that asks for nothing.
type air struct {
	told     bool
	networks map[string]string // name and password of access points
	signal   map[string]int    // of mobile operators, higher is better
}

// Air says which Wi-Fi networks a register finds around it, each with the
// password that it asks for. Until it is called there is no Wi-Fi to choose from
// and the channel works as a wire does.
func (r *Register) Air(networks map[string]string) {
	r.air.told, r.air.networks = true, maps.Clone(networks)
}

// Signal says how well a register receives each mobile operator; above 0 is reception.
func (r *Register) Signal(level map[string]int) { r.air.signal = maps.Clone(level) }

// usable says whether a channel can be tried at all.
func (r *Register) usable(channel string) bool {
	return channel != "wifi" || !r.air.told || r.joined() != ""
}

// joined is the Wi-Fi network that the register is in: the first permitted one
// that is there and takes its password (KZ 431 row 34.5).
func (r *Register) joined() string {
	for _, w := range r.nv.wifi {
		if key, there := r.air.networks[w.name]; there && key == w.password {
			return w.name
		}
	}
	return ""
}

// mobile is the operator that the register uses: the one that was entered, else
// the best received one (KZ 431 row 64.7).
func (r *Register) mobile() string {
	if len(r.profile.Mobile) == 0 {
		return ""
	}
	if r.nv.mobileOp != "" {
		return r.nv.mobileOp
	}
	best, most := "", 0
	for _, o := range r.profile.Mobile {
		if l := r.air.signal[o]; l > most {
			best, most = o, l
		}
	}
	return best
}
