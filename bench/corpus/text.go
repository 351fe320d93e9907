package corpus

// program is what a container runs: the lines it writes as text, and those it would write as JSON.
type program struct {
	namespace, name string
	lines, json     []template
}

// structured are the lines of programs that log JSON objects, each with its own keys.
var structured = compile(
	`{"time":"${time:2006-01-02T15:04:05.000Z}","level":"info","logger":"http","msg":"request served","method":"${pick:GET|POST|PUT|DELETE}","path":"/api/v2/${pick:orders|carts|customers|products|prices}/${order}","status":${pick:200|200|201|304|404|500},"bytes":${int:180-9800},"duration_ms":${ms:800},"trace_id":"${request}","span_id":"${hex:16}","client":{"ip":"${ip}","user_agent":"okhttp/4.12.0"}}`,
	`{"time":"${time:2006-01-02T15:04:05.000Z}","level":"${pick:info|info|debug|warn}","logger":"orders.${pick:pricing|stock|payment|mail}","msg":"order ${order} ${pick:priced|reserved|paid for|confirmed}","customer":"c-${of:20000}","items":${int:1-9},"total":"${int:4-380}.${int:10-99}","currency":"EUR","trace_id":"${request}","span_id":"${hex:16}","tags":["${pick:web|app|partner}","${pick:new|returning}"]}`,
	`{"time":"${time:2006-01-02T15:04:05.000Z}","level":"debug","logger":"sql","msg":"query done","statement":"SELECT \"id\", \"state\" FROM \"${pick:orders|items|customers|stock}\" WHERE \"id\" = $1","rows":${skew:400},"duration_ms":${ms:90},"pool":{"idle":${int:0-8},"busy":${int:0-12}},"trace_id":"${request}","span_id":"${hex:16}"}`,
	`! {"time":"${time:2006-01-02T15:04:05.000Z}","level":"error","logger":"${pick:payment|stock|mail}.client","msg":"call failed","url":"https://${pick:payment|stock|mail}.shop.svc:8443/v1/${pick:charges|reservations|messages}","error":"context deadline exceeded (Client.Timeout exceeded while awaiting headers)","attempt":${int:1-4},"next_in":"${int:1-30}s","trace_id":"${request}","span_id":"${hex:16}"}`,
	`{"time":"${time:2006-01-02T15:04:05.000Z}","level":"info","logger":"cache","msg":"${pick:hit|hit|miss|expired}","key":"${pick:price|stock|session}:${of:20000}","ttl_s":${int:1-600},"size":${int:40-4000},"trace_id":"${request}","span_id":"${hex:16}"}`,
)

// programs are taken in turn by the containers of a corpus. The first lines of each are the frequent ones.
var programs = []program{
	{namespace: "ingress", name: "nginx-controller", json: structured, lines: compile(
		`${ip} - - [${time:02/Jan/2006:15:04:05 -0700}] "GET /api/v2/orders/${order}?expand=${pick:items|items,customer|payments} HTTP/1.1" ${pick:200|200|304|404} ${int:310-4800} "-" "okhttp/4.12.0" ${ms:900} ${request}`,
		`${ip} - c-${of:20000} [${time:02/Jan/2006:15:04:05 -0700}] "POST /api/v2/${pick:carts|orders|payments|reviews} HTTP/2.0" ${pick:201|200|400|409|503} ${skew:900} "-" "okhttp/4.12.0" ${ms:900} ${request}`,
		`${ip} - - [${time:02/Jan/2006:15:04:05 -0700}] "GET /static/${pick:app|vendor|theme|search}-${hex:6}.${pick:js|css|map} HTTP/2.0" ${pick:200|304} ${int:900-99000} "https://shop.example/" "Mozilla/5.0 (X11; Linux x86_64) Firefox/143.0" ${ms:40}`,
		`! ${time:2006/01/02 15:04:05} [warn] ${int:28-31}#0: *${order} an upstream response is buffered to a temporary file /var/cache/nginx/proxy_temp/${of:900} while reading upstream, client: ${ip}`,
	)},
	{namespace: "shop", name: "orders", json: structured, lines: compile(
		`${time:2006-01-02 15:04:05.000}  INFO 1 --- [nio-8080-exec-${int:1-16}] c.e.orders.OrderService : Order ${order} of customer c-${of:20000} accepted: ${int:1-9} items, ${int:4-380}.${int:10-99} EUR`,
		`${time:2006-01-02 15:04:05.000} DEBUG 1 --- [nio-8080-exec-${int:1-16}] c.e.orders.PriceCalculator : [${request}] discount ${pick:none|spring|staff|loyalty} of ${int:1-40}.${int:10-99} EUR on order ${order}`,
		`${time:2006-01-02 15:04:05.000}  INFO 1 --- [kafka-producer-${int:1-3}] c.e.orders.OrderPublisher : OrderConfirmed ${order} to orders-v2-${int:0-11} at offset ${order}${int:10-99} after ${ms:90} ms`,
		`${time:2006-01-02 15:04:05.000} DEBUG 1 --- [nio-8080-exec-${int:1-16}] org.hibernate.SQL : select o.id,o.created,o.customer_id,o.state,o.total from orders o where o.id=? -- ${hex:6}`,
		`! ${time:2006-01-02 15:04:05.000}  WARN 1 --- [nio-8080-exec-${int:1-16}] c.e.orders.StockClient : reservation for order ${order} took ${ms:4000} ms; the budget is 250 ms (attempt ${int:1-3} of 3)`,
	)},
	{namespace: "kube-system", name: "scheduler", json: structured, lines: compile(
		`! I${time:0102 15:04:05.000000}       1 reconciler.go:${int:221-229}] "Reconciling" controller="${pick:deployment|replicaset|job|endpointslice}" namespace="${pick:shop|ingress|monitoring|batch}" name="${pick:orders|carts|payment|mail}-${of:400}" revision="${order}"`,
		`! I${time:0102 15:04:05.000000}       1 schedule_one.go:252] "Successfully bound pod to node" pod="shop/${pick:orders|carts|payment}-${hex:8}-${hex:5}" node="worker-${int:1-24}" evaluatedNodes=24 feasibleNodes=${int:3-24}`,
		`! W${time:0102 15:04:05.000000}       1 warnings.go:70] "Pod does not fit" pod="batch/report-${hex:5}" reason="Insufficient ${pick:cpu|memory|ephemeral-storage}" node="worker-${int:1-24}" requested="${int:1-8}" free="0.${int:1-9}"`,
		`! I${time:0102 15:04:05.000000}       1 trace.go:236] Trace[${int:10000000-99999999}]: "List" url:/api/v1/pods,user-agent:kube-scheduler/v1.34.4 (linux/amd64),verb:LIST total time: ${ms:2000}ms`,
	)},
	{namespace: "shop", name: "carts", json: structured, lines: compile(
		`level=info ts=${time:2006-01-02T15:04:05.000Z} caller=handler.go:118 msg="request served" method=${pick:GET|PUT|DELETE} path=/v2/carts/${of:20000}/items status=${pick:200|204|404|412} bytes=${int:20-9000} duration=${ms:300}ms request_id=${request}`,
		`level=debug ts=${time:2006-01-02T15:04:05.000Z} caller=cache.go:${pick:71|84|97} msg="${pick:hit|hit|miss|expired}" key=cart:${of:20000} ttl=${int:1-600}s shard=${int:0-15} request_id=${request}`,
		`level=info ts=${time:2006-01-02T15:04:05.000Z} caller=cart.go:57 msg="item added" cart=${of:20000} product=p-${of:5000} quantity=${int:1-6} price=${int:2-160}.${int:10-99} request_id=${request}`,
		`! level=warn ts=${time:2006-01-02T15:04:05.000Z} caller=client.go:202 msg="slow call, will be tried again" service=${pick:stock|price|session} attempt=${int:1-4} err="code = DeadlineExceeded desc = context deadline exceeded" request_id=${request}`,
	)},
	{namespace: "data", name: "postgres", json: structured, lines: compile(
		`${time:2006-01-02 15:04:05.000 UTC} [${int:118-181}] shop@orders LOG:  duration: ${ms:120} ms  execute <unnamed>: SELECT id, state, total FROM orders WHERE customer_id = ${of:20000} LIMIT ${pick:20|50|100}`,
		`${time:2006-01-02 15:04:05.000 UTC} [${int:118-181}] shop@orders LOG:  duration: ${ms:60} ms  UPDATE stock SET reserved = ${int:1-99} WHERE id = '${uuid}'`,
		`${time:2006-01-02 15:04:05.000 UTC} [${int:118-181}] LOG:  connection authorized: user=${pick:shop|report|backup} database=orders application_name=${pick:orders|carts|mail}-${hex:8} host=${ip} port=${int:32768-60999}`,
		`! ${time:2006-01-02 15:04:05.000 UTC} [${int:118-181}] shop@orders ERROR:  duplicate key value violates unique constraint "payments_pkey" on order ${order}; the statement was rolled back`,
	)},
	{namespace: "batch", name: "mail", json: structured, lines: compile(
		`[${time:2006-01-02 15:04:05,000}: INFO/ForkPoolWorker-${int:1-8}] Task mail.send_confirmation[${uuid}] succeeded in ${ms:3000}ms: {'order': ${order}, 'provider': '${pick:primary|primary|backup}'}`,
		`[${time:2006-01-02 15:04:05,000}: INFO/MainProcess] Task mail.send_confirmation[${request}] received, eta: None, queue: ${pick:default|default|bulk}, order ${order}`,
		`[${time:2006-01-02 15:04:05,000}: DEBUG/ForkPoolWorker-${int:1-8}] rendering template confirmation_${pick:en|de|fr|it|nl}.html for order ${order}: ${int:2-40} kB, customer c-${of:20000}`,
		`! [${time:2006-01-02 15:04:05,000}: WARNING/ForkPoolWorker-${int:1-8}] connection to smtp-${int:1-4}.mail.svc:587 was refused, will try again in ${int:1-60} s (order ${order}, attempt ${int:1-5} of 5)`,
	)},
	{namespace: "data", name: "kafka", json: structured, lines: compile(
		`[${time:2006-01-02 15:04:05,000}] INFO [GroupCoordinator 2]: Member ${pick:orders|mail|billing}-${uuid} has left group ${pick:orders|mail|billing}, generation ${order} (GroupCoordinator)`,
		`[${time:2006-01-02 15:04:05,000}] INFO [ProducerStateManager partition=orders-v2-${int:0-11}] Wrote producer snapshot at offset ${order}${int:10-99} with ${skew:300} producer ids in ${skew:90} ms. (ProducerStateManager)`,
		`[${time:2006-01-02 15:04:05,000}] INFO [UnifiedLog partition=${pick:orders|mail|billing}-v2-${int:0-11}] Rolled new log segment at offset ${order}${int:10-99} in ${skew:90} ms. (UnifiedLog)`,
		`! [${time:2006-01-02 15:04:05,000}] WARN [ReplicaFetcher replicaId=2, leaderId=${int:0-4}] Partition ${pick:orders|mail|billing}-v2-${int:0-11} marked as failed at offset ${order}${int:10-99} (ReplicaFetcherThread)`,
	)},
	{namespace: "mesh", name: "gateway", json: structured, lines: compile(
		`[${time:2006-01-02T15:04:05.000Z}] "${pick:GET|POST} /api/v2/${pick:orders|carts|prices|stock}/${order} HTTP/2" ${pick:200|200|404|503} ${pick:-|-|UH|URX} ${skew:2000} ${int:200-9000} ${skew:300} ${skew:280} "${ip}" "${request}" "${pick:orders|carts|price|stock}.shop.svc"`,
		`[${time:2006-01-02T15:04:05.000Z}][${int:14-19}][debug][router] [router.cc:${pick:478|738|1486}] [C${of:900}][S${request}] cluster '${pick:orders|carts|price|stock}.shop.svc' match for URL '/api/v2/${pick:orders|carts}/${order}'`,
		`[${time:2006-01-02T15:04:05.000Z}][${int:14-19}][debug][pool] [conn_pool_base.cc:${pick:181|293|454}] [C${of:900}] ${pick:creating stream|queueing stream|client disconnected} for ${ip}:8080, ${skew:60} active, ${skew:40} pending`,
		`! [${time:2006-01-02T15:04:05.000Z}][${int:14-19}][warning][config] [grpc_stream.h:193] config stream to xds-grpc closed: 14, upstream connect error or disconnect/reset before headers, retried ${int:1-40} times`,
	)},
}
