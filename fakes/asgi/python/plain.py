"""An ASGI app that knows HTTP and nothing else, as Django's does: no lifespan. All its work is done on the event loop."""

import asyncio

import behave


async def application(scope, receive, send):
    if scope["type"] != "http":
        raise ValueError(f"this app handles HTTP only, not {scope['type']}")
    headers = {name.decode().lower(): value.decode("latin-1") for name, value in scope["headers"]}
    request = behave.Request(scope["method"], scope["path"], scope["query_string"].decode(), headers)
    while (await receive()).get("more_body"):
        pass
    request.began()
    if request.path == "/slow":
        await asyncio.sleep(request.milliseconds("ms"))
    if request.path == "/work":
        behave.burn(request.milliseconds("cpu"))
    if request.path == "/stuck":
        behave.stick(request.milliseconds("ms"))
    if request.path == "/shared":
        behave.share(request)
    status, body = behave.status_of(request.path), request.body()
    out = [(name.encode(), value.encode()) for name, value in request.headers_out().items()]
    out.append((b"Content-Length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": out})
    await send({"type": "http.response.body", "body": body})
    request.ended(status, len(body))
