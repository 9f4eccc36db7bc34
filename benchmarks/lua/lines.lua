-- Sends the lines of a file in random order: paths to GET, or JSON bodies to POST to one path.
--
-- Arguments: file, method (GET or POST), key, seed. With GET a line is the end of the path, after
-- the address given to wrk; with POST a line is a body.

dofile(debug.getinfo(1, "S").source:match("@(.*/)") .. "result.lua")

local lines, method, base = {}, nil, nil

function init(args)
  for line in io.lines(args[1]) do lines[#lines + 1] = line end
  method, base = args[2], wrk.path
  math.randomseed(tonumber(args[4]))
  wrk.headers["Content-Type"] = "application/json"
  wrk.headers["Authorization"] = "Bearer " .. args[3]
end

function request()
  local line = lines[math.random(#lines)]
  if method == "GET" then return wrk.format("GET", base .. line) end
  return wrk.format("POST", base, nil, line)
end
