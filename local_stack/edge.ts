/** Both edge functions in one process, told apart by path as Supabase's gateway does; each index.ts runs unchanged. */

type Handler = (request: Request) => Response | Promise<Response>;

const serve = Deno.serve;
const handlers = new Map<string, Handler>();

function collectAs(name: string): void {
  Object.defineProperty(Deno, "serve", {
    configurable: true,
    value: (handler: Handler) => handlers.set(name, handler),
  });
}

collectAs("watchers-upsert");
await import("../supabase/trading/functions/watchers-upsert/index.ts");
collectAs("user-references-upsert");
await import("../supabase/trading/functions/user-references-upsert/index.ts");

serve((request) => {
  const name = new URL(request.url).pathname.split("/")[1];
  const handler = handlers.get(name);
  if (handler) return handler(request);
  // Whoever only asks whether we run is answered as by a function.
  if (request.method !== "POST") return new Response(null, { status: 405, headers: { allow: "POST" } });
  return Response.json({ error: "not_found", message: `no function is called ${name}` }, { status: 404 });
});
