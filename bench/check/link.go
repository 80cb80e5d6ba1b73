package check

import (
	"github.com/kkmtest/kkmtest/bench/history"
	"github.com/kkmtest/kkmtest/bench/regulation"
	"github.com/kkmtest/kkmtest/cpcr"
)

func linkChecks() []Check {
	return []Check{{Key: "link.tcp", Doc: "The register opens TCP connections to the OFD and speaks CPCR on them.",
		Scenarios: []string{"receipt/cycle"}, Judge: judgeLink}}
}

func judgeLink(r *Record, _ regulation.Params) []Judgement {
	v := verdict{r: r}
	for _, c := range r.Conns {
		if c.State == "open" {
			v.prove("conn", nil, c.Seq)
			break
		}
	}
	power := 0
	for _, x := range r.Exchanges {
		cutOff := false // the power was cut while it was sent
		for ; power < len(r.Switches) && r.Switches[power].Seq < x.Seq; power++ {
			cutOff = r.Switches[power].What == "power"
		}
		class := cpcr.Class(x.Class)
		if class == "" {
			for _, c := range []cpcr.Class{cpcr.ErrHeaderShort, cpcr.ErrAppCode, cpcr.ErrVersion, cpcr.ErrVersionUnsupported, cpcr.ErrSizeMin, cpcr.ErrSizeLimit, cpcr.ErrTruncated, cpcr.ErrProtobuf, cpcr.ErrRequired, cpcr.ErrUTF8, cpcr.ErrRange} {
				if cpcr.IsClass(x.Err, c) {
					class = c
				}
			}
		}
		a := args{"class": string(class), "bytes": seqText(history.Seq(len(x.Bytes)))}
		switch {
		case class == "":
			if x.Confirmed() {
				v.prove("cpcr", nil, x.Seq, x.Answer().Seq)
			}
		case len(x.Bytes) == 0:
		case class == cpcr.ErrRange: // the OFD takes it and notes an observation (doubt 12)
		case (class == cpcr.ErrTruncated || class == cpcr.ErrHeaderShort) && (x.Faulty || cutOff):
		case class == cpcr.ErrVersionUnsupported:
			v.open(unsure("link.version", with(a, "version", x.Header.Version.String())).Citing(x.Seq))
		case x.Faulty && x.Req == nil:
			v.open(unsure("link.faulty", a).Citing(x.Seq))
		default:
			why := ""
			if x.Err != nil {
				why = x.Err.Error()
			}
			v.fail(x.During, fail("link.garbage", with(a, "error", orNone(why)), x.Seq).bytes(head(x.Bytes)))
		}
	}
	return v.end(need{"conn", "link.need.conn", nil}, need{"cpcr", "link.need.cpcr", nil})
}
