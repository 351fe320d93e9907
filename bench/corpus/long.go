package corpus

// A long Event has minLong bytes doubled up to longDoublings times, and up to as much again: each doubling is as frequent
// as the others, so that most Events are short and most bytes are in long ones. The longest has 256 KiB.
const (
	minLong       = 2 << 10
	longDoublings = 6
)

var (
	heads = compile(
		`{"time":"${time:2006-01-02T15:04:05.000Z}","level":"error","logger":"orders","request_id":"${request}","msg":"order ${order} failed","stack":"java.lang.IllegalStateException: no price for product p-${of:5000}`,
		`{"time":"${time:2006-01-02T15:04:05.000Z}","level":"debug","logger":"payment.client","request_id":"${request}","msg":"answer received","body":"{\"order\":${order},\"lines\":[`,
	)
	frames = compile(
		`\n\tat com.example.shop.${pick:orders|pricing|stock|payment}.${pick:OrderService|PriceCalculator|StockClient|Ledger}.${pick:apply|handle|invoke|reserve}(${pick:OrderService|PriceCalculator|StockClient|Ledger}.java:${of:900})`,
		`\n\tat org.springframework.${pick:web.servlet.FrameworkServlet|aop.framework.CglibAopProxy|transaction.interceptor.TransactionInterceptor}.${pick:invoke|proceed|doService}(Unknown Source)`,
		`\n\tat java.base/jdk.internal.reflect.${pick:DirectMethodHandleAccessor|GeneratedMethodAccessor}$$Lambda/0x${hex:16}.invoke(Unknown Source)`,
		`\nCaused by: java.sql.SQLTransientConnectionException: orders-pool - Connection is not available, request timed out after ${ms:30000}ms`,
	)
	items = compile(
		`{\"product\":\"p-${of:5000}\",\"quantity\":${int:1-9},\"price\":\"${int:2-160}.${int:10-99}\",\"warehouse\":\"${pick:north|south|east}\"},`,
		`{\"product\":\"p-${of:5000}\",\"quantity\":${int:1-9},\"serials\":[\"${hex:12}\",\"${hex:12}\"],\"note\":\"${pick:|gift|fragile|pick-up}\"},`,
	)
)

// long appends a stack trace or a dumped answer, as one JSON object.
func (s *source) long(b []byte) []byte {
	size := minLong << s.rand.IntN(longDoublings+1)
	size += s.rand.IntN(size)
	kind := s.rand.IntN(2)
	body, end := frames, `"}`
	if kind == 1 {
		body, end = items, `{}]}"}`
	}
	b = heads[kind].render(s, b)
	for len(b) < size {
		b = body[s.rand.IntN(len(body))].render(s, b)
	}
	return append(b, end...)
}
