-- wrk -s wrk.lua URL -- HOSTS-FILE METHOD PATH BODY-FILE COOKIE
-- Requests take turns among the hosts; the last line of the output is the result as JSON.

local requests, turn = {}, 0

function init(args)
  local method, path, cookie = args[2], args[3], args[5]
  if method == "POST" then
    local file = io.open(args[4], "rb")
    wrk.body = file:read("*a")
    file:close()
  end
  if cookie ~= "" then wrk.headers["Cookie"] = cookie end
  wrk.method, wrk.path = method, path
  for host in io.lines(args[1]) do
    wrk.headers["Host"] = host
    requests[#requests + 1] = wrk.format()
  end
  -- One request needs no function: wrk then sends the same bytes again and again by itself.
  if #requests > 1 then
    request = function()
      turn = turn % #requests + 1
      return requests[turn]
    end
  end
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\n{"requests":%d,"micros":%d,"socketErrors":%d,"badStatuses":%d,"p50":%d,"p99":%d,"p999":%d}\n',
    summary.requests, summary.duration, errors.connect + errors.read + errors.write + errors.timeout, errors.status,
    latency:percentile(50), latency:percentile(99), latency:percentile(99.9)))
end
