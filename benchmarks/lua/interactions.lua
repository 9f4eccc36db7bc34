-- Posts interactions, singly or in batches; every one is unique, so nothing is deduplicated.
--
-- Arguments: executions file, first number, batch size (0 = single), event ids (0 or 1), key, seed.
-- The executions file has one line per known execution, tab-separated:
--   execution_id  retriever_id  user_id  session_id  query  document_id,document_id,...
--
-- Interaction number n belongs to one execution, one of its documents and one type. 256 executions
-- are "open" at a time and get 5 interactions each before the next 256 open, so that executions and
-- sessions are clustered in time, as in real traffic. When every execution was used, a second pass
-- takes other documents, later passes other types.

dofile(debug.getinfo(1, "S").source:match("@(.*/)") .. "result.lua")

local OPEN, PER_VISIT = 256, 5
local TYPES = { "click", "view", "bookmark", "share", "add_to_cart" }
local BODY = '{"feature_id":"%s","interaction_type":["%s"],"position":%d,'
  .. '"metadata":{"device":"%s","surface":"web-search-results","app_version":"4.12.1",'
  .. '"referrer":"https://shop.example/search",'
  .. '"viewport":{"width":1440,"height":900},"locale":"en-GB","experiment":"ranking-2026-q4"},'
  .. '"user_id":"%s","session_id":"%s","execution_id":"%s","retriever_id":"%s",'
  .. '"query_snapshot":{"query":"%s"},"document_score":%.4f,"result_set_size":%d,'
  .. '"feature_uri":"text://title"%s}'
local DEVICES = { "desktop", "mobile", "tablet" }

local ffi = require("ffi")
ffi.cdef([[
  typedef struct { long seconds; long microseconds; } bench_timeval;
  int gettimeofday(bench_timeval *now, void *zone);
]])
local now = ffi.new("bench_timeval")

local executions, documents = {}, {}
local number, batch_size, with_event_id

local function read_executions(path)
  for line in io.lines(path) do
    local fields = {}
    for field in line:gmatch("[^\t]+") do fields[#fields + 1] = field end
    local shown = {}
    for document in fields[6]:gmatch("[^,]+") do shown[#shown + 1] = document end
    executions[#executions + 1] = fields
    documents[#documents + 1] = shown
  end
end

local function uuid7()
  ffi.C.gettimeofday(now, nil)
  local ms = tonumber(now.seconds) * 1000 + math.floor(tonumber(now.microseconds) / 1000)
  return string.format(
    "%08x-%04x-7%03x-%04x-%06x%06x",
    math.floor(ms / 65536), ms % 65536, math.random(0, 4095), 32768 + math.random(0, 16383),
    math.random(0, 16777215), math.random(0, 16777215)
  )
end

local function next_body()
  local open = OPEN
  local per_pass = #executions * PER_VISIT
  local pass, within = math.floor(number / per_pass), number % per_pass
  local group, rest = math.floor(within / (open * PER_VISIT)), within % (open * PER_VISIT)
  local first = group * open
  open = math.min(open, #executions - first)
  local index = first + rest % open + 1
  local fields, shown = executions[index], documents[index]
  local slot = pass * PER_VISIT + math.floor(rest / open)
  local position = slot % #shown
  local kind = TYPES[math.floor(slot / #shown) % #TYPES + 1]
  number = number + 1
  local event = with_event_id and (',"event_id":"' .. uuid7() .. '"') or ""
  return string.format(
    BODY, shown[position + 1], kind, position, DEVICES[index % 3 + 1], fields[3], fields[4],
    fields[1], fields[2], fields[5], 1 / (position + 2), #shown, event
  )
end

local function next_batch()
  local bodies = {}
  for index = 1, batch_size do bodies[index] = next_body() end
  return '{"interactions":[' .. table.concat(bodies, ",") .. "]}"
end

function init(args)
  read_executions(args[1])
  number, batch_size = tonumber(args[2]), tonumber(args[3])
  with_event_id = args[4] == "1"
  math.randomseed(tonumber(args[6]))
  wrk.method = "POST"
  wrk.headers["Content-Type"] = "application/json"
  wrk.headers["Authorization"] = "Bearer " .. args[5]
end

function request()
  if batch_size == 0 then return wrk.format(nil, nil, nil, next_body()) end
  return wrk.format(nil, nil, nil, next_batch())
end

function response(status, headers, body)
  if status < 200 or status > 299 then
    refused = refused + 1
    if first_refusal == "" then first_refusal = status .. " " .. body:sub(1, 200) end
  elseif batch_size > 0 then
    created = created + tonumber(body:match('"created"%s*:%s*(%d+)') or 0)
  elseif body:find('"deduplicated"%s*:%s*true') then
    repeated = repeated + 1
  else
    created = created + 1
  end
end
