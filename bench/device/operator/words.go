package operator

// Language is a language of the cards.
type Language string

// The languages.
const (
	Kazakh  Language = "kk"
	Russian Language = "ru"
	English Language = "en"
)

// Languages lists them.
var Languages = []Language{Kazakh, Russian, English}

// Known says whether there are cards in this language.
func (l Language) Known() bool {
	for _, k := range Languages {
		if k == l {
			return true
		}
	}
	return false
}

type words map[string]string

// words are the phrases of a language; those of English when it is not known.
func (l Language) words() words {
	i := 2
	for n, k := range Languages {
		if k == l {
			i = n
		}
	}
	w := words{}
	for key, p := range phrases {
		w[key] = p[i]
	}
	return w
}

// phrases in Kazakh, Russian, English.
var phrases = map[string][3]string{
	"identity":         {"Кассаның өзі туралы", "О самой кассе", "About the register itself"},
	"identity.read":    {"Корпустан үлгіні, зауыттық нөмірді, бағдарлама нұсқасын оқыңыз", "Прочитайте на корпусе модель, заводской номер, версию программы", "Read model, factory number and firmware version from the housing"},
	"identity.display": {"Кассаның өз дисплейі бар ма (yes не no)?", "Есть ли у кассы свой дисплей (yes или no)?", "Does the register have a display of its own (yes or no)?"},
	"state":            {"Кассаның күйі", "Состояние кассы", "State of the register"},
	"state.shift":      {"Ауысым ашық па: open, closed, ал 24 сағаттан асса too-long", "Открыта ли смена: open, closed, а если она слишком долгая — too-long", "Is a shift open: open, closed, or too-long when the register says so"},
	"state.unsent":     {"Жіберілмеген құжаттар саны (unsent); касса көрсетпесе, бос қалдырыңыз", "Число неотправленных документов (unsent); если касса его не показывает, оставьте пустым", "Number of unsent documents (unsent); leave it out when the register does not show it"},
	"display":          {"Дисплейді оқыңыз", "Прочитайте дисплей", "Read the display"},
	"display.type":     {"Көрсетілген жолдарды сол қалпында теріңіз", "Наберите строки так, как они показаны", "Type the lines as they are shown"},
	"setting":          {"Кассаның мәзірінен қараңыз: %s", "Посмотрите в меню кассы: %s", "Look it up in the register's menu: %s"},
	"setting.read":     {"Мәнін теріңіз (value); касса көрсетпесе: got: unsupported", "Наберите значение (value); если касса его не показывает: got: unsupported", "Type the value (value); when the register does not show it: got: unsupported"},

	"setting.ofd-host":         {"ФДО мекенжайы", "адрес ОФД", "address of the OFD"},
	"setting.ofd-port":         {"ФДО порты", "порт ОФД", "port of the OFD"},
	"setting.cashier-password": {"кассирдің құпиясөзі", "пароль кассира", "password of a cashier"},
	"setting.token":            {"ФДО токені", "токен ОФД", "token of the OFD"},

	"power.on":        {"Кассаны қосыңыз", "Включите кассу", "Switch the register on"},
	"power.wait":      {"Өзін-өзі тексеру аяқталғанша күтіңіз", "Дождитесь конца самопроверки", "Wait until its self-test is over"},
	"power.off":       {"Кассаны қоректендіруден ажыратыңыз", "Отключите кассе питание", "Cut the register's power"},
	"paper.in":        {"Қағазды салыңыз", "Вставьте бумагу", "Put the paper in"},
	"paper.out":       {"Қағазды алып тастаңыз", "Выньте бумагу", "Take the paper away"},
	"confirm":         {"Чекте дәл осылай жазылған ба?", "Именно так написано на чеке?", "Is this what the paper says?"},
	"confirm.compare": {"Әр жолды чекпен салыстырыңыз; қате болса, confirmed: no деп, дұрыс жолдарды теріңіз", "Сравните каждую строку с чеком; если есть ошибка, ответьте confirmed: no и наберите верные строки", "Compare every line with the paper; if one is wrong, answer confirmed: no and type the right lines"},
	"answer":          {"Нәтижесін (got) жазыңыз; чек шықса, әр жолын теріңіз немесе суретін тіркеңіз", "Запишите исход (got); если вышел чек, наберите каждую его строку или приложите снимок", "Write down how it ended (got); if paper came out, type every line of it or attach a photo"},

	"who.admin":    {"Әкімші ретінде жұмыс істеңіз", "Работайте как администратор", "Work as the administrator"},
	"who.cashier":  {"%d-кассир ретінде жұмыс істеңіз", "Работайте как кассир %d", "Work as cashier %d"},
	"who.password": {"мына құпиясөзді теріңіз, қате болса да: %s", "наберите этот пароль, даже если он неверный: %s", "type this password, even if it is wrong: %s"},

	"receipt.sale":        {"Сатыңыз", "Продайте", "Sell"},
	"receipt.sale-return": {"Сатуды қайтарыңыз", "Верните продажу", "Take a sale back"},
	"receipt.buy":         {"Келушіден сатып алыңыз", "Купите у посетителя", "Buy from a visitor"},
	"receipt.buy-return":  {"Сатып алынғанды қайтарыңыз", "Верните покупку", "Give back what was bought"},

	"op.deposit":         {"Кассаға ақша салыңыз", "Внесите деньги в кассу", "Put cash into the drawer"},
	"op.withdraw":        {"Кассадан ақша алыңыз", "Изымите деньги из кассы", "Take cash out of the drawer"},
	"op.x-report":        {"X-есебін алыңыз", "Снимите X-отчёт", "Take the X report"},
	"op.z-report":        {"Ауысымды Z-есебімен жабыңыз", "Закройте смену Z-отчётом", "Close the shift with the Z report"},
	"op.report-cashiers": {"Кассирлер бойынша есепті басып шығарыңыз", "Напечатайте отчёт по кассирам", "Print the report by cashiers"},
	"op.report-sections": {"Секциялар бойынша есепті басып шығарыңыз", "Напечатайте отчёт по секциям", "Print the report by sections"},
	"op.copy":            {"Соңғы чектің көшірмесін басып шығарыңыз", "Напечатайте копию последнего чека", "Print the last receipt again"},
	"op.cancel":          {"Ашық чекті болдырмаңыз", "Отмените открытый чек", "Drop the open receipt"},
	"op.test-print":      {"Сынақ басып шығаруды жасаңыз", "Сделайте пробную печать", "Make a trial print"},
	"op.self-test":       {"Өзін-өзі тексеруді іске қосыңыз", "Запустите самопроверку", "Start the self-test"},
	"op.set-clock":       {"Кассаның сағатын қойыңыз", "Установите часы кассы", "Set the register's clock"},
	"op.set-setting":     {"Баптауды өзгертіңіз", "Измените настройку", "Change a setting"},

	"amount": {"Сома: %s теңге", "Сумма: %s тенге", "Amount: %s tenge"},
	"clock":  {"Қойылатын уақыт: %s", "Установить: %s", "Set it to %s"},
	"set":    {"%s: мынаны енгізіңіз: %s", "%s: введите %s", "%s: enter %s"},
	"set.of": {"%d-кассир үшін", "для кассира %d", "for cashier %d"},

	"line.goods":           {"Тауар: %s, саны %s, бағасы %s, сомасы %s", "Товар: %s, количество %s, цена %s, сумма %s", "Goods: %s, quantity %s, price %s, sum %s"},
	"line.goods-storno":    {"Сторно: %s, саны %s, бағасы %s, сомасы %s", "Сторно: %s, количество %s, цена %s, сумма %s", "Storno: %s, quantity %s, price %s, sum %s"},
	"line.discount":        {"Позицияға жеңілдік: %s, %s теңге", "Скидка на позицию: %s, %s тенге", "Discount on the position: %s, %s tenge"},
	"line.discount-storno": {"Жеңілдікті сторно: %s, %s теңге", "Сторно скидки: %s, %s тенге", "Storno of the discount: %s, %s tenge"},
	"line.markup":          {"Позицияға үстеме: %s, %s теңге", "Надбавка на позицию: %s, %s тенге", "Markup on the position: %s, %s tenge"},
	"line.markup-storno":   {"Үстемені сторно: %s, %s теңге", "Сторно надбавки: %s, %s тенге", "Storno of the markup: %s, %s tenge"},
	"line.section":         {"%d-секция", "секция %d", "section %d"},
	"line.code":            {"коды %d", "код %d", "code %d"},
	"line.vat":             {"ҚҚС %s %%", "НДС %s %%", "VAT %s %%"},
	"line.novat":           {"ҚҚС-сыз", "без НДС", "no VAT"},
	"discount":             {"Бүкіл чекке жеңілдік: %s теңге", "Скидка на весь чек: %s тенге", "Discount on the whole receipt: %s tenge"},
	"markup":               {"Бүкіл чекке үстеме: %s теңге", "Надбавка на весь чек: %s тенге", "Markup on the whole receipt: %s tenge"},
	"customer":             {"Сатып алушының ЖСН/БСН: %s", "ИИН/БИН покупателя: %s", "IIN or BIN of the buyer: %s"},
	"pay.cash":             {"Төлем: қолма-қол %s теңге", "Оплата: наличными %s тенге", "Paid in cash: %s tenge are handed over"},
	"pay.card":             {"Төлем: картамен %s теңге", "Оплата: картой %s тенге", "Paid by card: %s tenge"},
	"pay.mobile":           {"Төлем: мобильді %s теңге", "Оплата: мобильная %s тенге", "Paid by mobile: %s tenge"},
	"parent":               {"Негіздеме: белгісі %s, уақыты %s, сомасы %s, ККМ %s", "Основание: признак %s, время %s, сумма %s, ККМ %s", "It refers to: sign %s, time %s, total %s, KKM %s"},
	"parent.offline":       {"дербес режимде", "в автономном режиме", "made offline"},
	"total":                {"Жиыны %s теңге болуы керек", "Итог должен быть %s тенге", "The total must be %s tenge"},
	"change":               {"Қайтарым %s теңге болуы керек", "Сдача должна быть %s тенге", "The change must be %s tenge"},

	"expect.receipt":     {"Чек шығуы керек, не касса бас тартуы керек", "Должен выйти чек, либо касса отказывает", "A receipt comes out, or the register refuses"},
	"expect.document":    {"Құжат шығуы керек, не касса бас тартуы керек", "Должен выйти документ, либо касса отказывает", "A document comes out, or the register refuses"},
	"expect.set-clock":   {"Касса уақытты қабылдайды, не бас тартады", "Касса принимает время или отказывает", "The register takes the time, or refuses"},
	"expect.set-setting": {"Касса мәнді қабылдайды, не бас тартады", "Касса принимает значение или отказывает", "The register takes the value, or refuses"},
	"expect.cancel":      {"Ашық чек қалмауы керек", "Открытого чека не должно остаться", "No receipt is open afterwards"},

	"ask.person":    {"Аты-жөніңіз", "Ваша фамилия и имя", "Your name"},
	"ask.mark":      {"Соңғы перне басылған сәтте Enter басыңыз (n — белгісіз)", "Нажмите Enter в момент последней клавиши (n — без отметки)", "Press Enter at the moment of the last key (n: without a mark)"},
	"ask.stood":     {"Қағаз тоқтаған сәтте Enter басыңыз", "Нажмите Enter, когда бумага остановится", "Press Enter when the paper has come to rest"},
	"ask.lines":     {"жолма-жол, соңында бос жол емес, бір нүкте (.)", "построчно, в конце — одна точка (.)", "line by line, a single full stop (.) at the end"},
	"ask.file":      {"Файл (сурет, скан, мәтін), жоқ болса Enter", "Файл (снимок, скан, текст), если нет — Enter", "File (photo, scan, text), Enter for none"},
	"ask.optional":  {"міндетті емес", "необязательно", "optional"},
	"ask.again":     {"Жауап карточкаға сай емес", "Ответ не подходит к карточке", "The answer does not fit the card"},
	"ask.paper":     {"Қағаз шықты ма (yes, no, не l — оқылмады)?", "Вышла ли бумага (yes, no, или l — не прочитана)?", "Did paper come out (yes, no, or l: not read)?"},
	"ask.displayed": {"Дисплейде не тұр", "Что на дисплее", "What the display shows"},

	"form.title":    {"Чек жолдары, қағаздағыдай", "Строки чека, как на бумаге", "Lines of the paper, as printed"},
	"form.owner":    {"салық төлеушінің атауы", "наименование налогоплательщика", "name of the taxpayer"},
	"form.bin":      {"ЖСН/БСН", "ИИН/БИН", "IIN/BIN"},
	"form.address":  {"мекенжай", "адрес", "address"},
	"form.serial":   {"зауыттық нөмір", "заводской номер", "factory number"},
	"form.rnm":      {"ККМ тіркеу нөмірі", "регистрационный номер ККМ", "registration number of the KKM"},
	"form.kind":     {"операция түрі", "вид операции", "kind of operation"},
	"form.number":   {"құжат нөмірі", "номер документа", "number of the document"},
	"form.time":     {"күні мен уақыты", "дата и время", "date and time"},
	"form.cashier":  {"кассир", "кассир", "cashier"},
	"form.goods":    {"тауарлар, әр жолы", "товары, каждая строка", "goods, every line"},
	"form.total":    {"жиыны", "итог", "total"},
	"form.paid":     {"төленгені, қайтарымы", "оплата, сдача", "paid, change"},
	"form.vat":      {"ҚҚС", "НДС", "VAT"},
	"form.sign":     {"фискалдық не дербес белгі", "фискальный или автономный признак", "fiscal or autonomous sign"},
	"form.operator": {"ФДО және тексеру сайты", "ОФД и сайт проверки", "OFD and the site for checking"},
	"form.mark":     {"«Фискалдық чек» / дербес режим белгісі", "«Фискальный чек» / отметка автономного режима", "the words 'Fiscal receipt' / the offline mark"},
	"form.other":    {"қалған жолдар", "остальные строки", "the other lines"},
}

// formLines are the names beside which a receipt is read back, in the usual
// order on paper. A name with nothing beside it means: not on the paper.
var formLines = []string{"owner", "bin", "address", "serial", "rnm", "kind", "number", "time", "cashier", "goods", "total", "paid", "vat", "sign", "operator", "mark", "other"}
