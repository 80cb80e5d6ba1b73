package words

// table is all of it. {0}, {1} are arguments.
var table = map[string]Text{
	"unit.h":   {"сағ", "ч", "h"},
	"unit.min": {"мин", "мин", "min"},
	"unit.s":   {"с", "с", "s"},

	"reason.gotwant": {"алынды: {0}; күтілді: {1}", "получено: {0}; ожидалось: {1}", "got {0}, want {1}"},

	"measure.limit":  {"шегі {0}", "предел {0}", "limit {0}"},
	"measure.below":  {"шекке дейін {0}", "до предела {0}", "{0} below the limit"},
	"measure.above":  {"шектен {0} асты", "выше предела на {0}", "{0} above the limit"},
	"measure.at":     {"дәл шекте", "ровно на пределе", "exactly at the limit"},
	"measure.inside": {"шек өлшеу қателігінің ішінде", "предел внутри погрешности измерения", "the limit lies inside the uncertainty"},

	"because.nofinding": {"бұл жол бойынша қорытынды жоқ", "по этой строке нет заключения", "nobody judged this row"},
	"because.nocheck":   {"бұл жолға арналған тексеру әлі жоқ", "для этой строки ещё нет проверки", "no check verifies this row yet"},
	"because.document":  {"өндірушінің құжаттары бойынша көрсетіледі", "подтверждается документами производителя", "shown by the manufacturer's documents"},
	"because.notrun":    {"тексеру жүргізілмеді", "проверка не проводилась", "the check was not carried out"},
	"because.subrows":   {"ішкі жолдарынан шығады", "следует из подчинённых строк", "follows from its sub-rows"},
	"because.heading":   {"тақырып: талап қойылмайды", "заголовок: требования нет", "a heading: it demands nothing"},
}
