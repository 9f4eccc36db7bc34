-- Prints what a run measured as one tab-separated line that starts with RESULT; load.py reads it.

-- Globals, because only those of a thread can be read from done().
created, refused, repeated, first_refusal = 0, 0, 0, ""

local measured

function setup(thread)
  measured = thread
end

function done(summary, latency, requests)
  local errors = summary.errors
  local values = {
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    errors.connect + errors.read + errors.write, errors.timeout,
    -- A script that counts statuses itself is exact; wrk alone counts those above 399.
    math.max(measured:get("refused"), errors.status), measured:get("created"),
    measured:get("repeated"), (measured:get("first_refusal"):gsub("%s+", " ")),
  }
  for index, value in ipairs(values) do
    if type(value) == "number" then values[index] = string.format("%d", value) end
  end
  io.write("RESULT\t", table.concat(values, "\t"), "\n")
end
