%% SPDX-License-Identifier: MIT
%% Erlang: a process for each task, results by message.
%%   erl -noshell -noinput +S 2 +P 2000000 -pa FOLDER -run erlang_bench main ROW...      (no row: lists them)
%% A row prints one JSON object with the median over its rounds.
-module(erlang_bench).
-export([main/0, main/1]).

rows() -> ["W1_flood", "W2_flood_from_tasks", "W3_chain", "W4_round_trip", "W4_round_trip_asleep",
           "W5_nested_fib", "W7_pending", "W9_pass", "W13_start", "W14_skynet"].

main() -> main([]).
main([]) ->
  [io:format("~s~n", [R]) || R <- rows()],
  halt();
main(Rows) ->
  [row(R) || R <- Rows],
  halt().

row("W1_flood" = R) ->
  N = 200000,
  measure(R, N, 9, fun() -> expect(flood(N), N * (N - 1) div 2) end);
row("W2_flood_from_tasks" = R) ->
  N = 50000,
  measure(R, 4 * N, 9, fun() ->
    S = self(),
    [spawn(fun() -> S ! flood(N) end) || _ <- lists:seq(1, 4)],
    expect(sum(4, 0), 4 * (N * (N - 1) div 2))
  end);
row("W3_chain" = R) ->  % all processes are there, each with its successor's id, before the first gets its message
  N = 100000,
  measure(R, N, 9, fun() ->
    First = lists:foldl(fun(_, Whom) -> spawn(fun() -> receive X -> Whom ! X + 1 end end) end,
                        self(), lists:seq(1, N)),
    First ! 0,
    expect(sum(1, 0), N)
  end);
row("W4_round_trip" = R) ->
  N = 20000,
  measure(R, N, 9, fun() -> [expect(trip(I), I) || I <- lists:seq(1, N)] end);
row("W4_round_trip_asleep" = R) ->
  T = [begin timer:sleep(5), time(fun() -> expect(trip(7), 7) end) end || _ <- lists:seq(1, 100)],
  print(R, [{"ns/task", median(T)}]);
row("W5_nested_fib" = R) ->  % one of the two calls is a process: 75,024 of them for 150,049 calls
  measure(R, 150049, 9, fun() -> expect(fib(24), 46368) end);
row("W7_pending" = R) ->
  N = 200000,
  T = [pending(N) || _ <- lists:seq(1, 5)],
  Submit = median([A || {A, _, _} <- T]) / N,
  Drain = median([B || {_, B, _} <- T]) / N,
  {_, _, Bytes} = hd(T),
  print(R, [{"ns/task", Submit + Drain}, {"submit", Submit}, {"drain", Drain}, {"bytes/task", Bytes / N}]);
row("W9_pass" = R) ->  % a binary is passed by reference
  [begin
     Blob = binary:copy(<<0>>, Bytes),
     T = [time(fun() -> expect(pass(Blob), Bytes) end) || _ <- lists:seq(1, 1000)],
     print(R ++ "/" ++ integer_to_list(Bytes), [{"ns/task", median(T)}])
   end || Bytes <- [1024, 32 * 1024, 1024 * 1024, 32 * 1024 * 1024]];
row("W13_start" = R) ->  % the whole virtual machine
  expect(trip(1), 1),
  Unit = erlang:convert_time_unit(1, second, native),
  Ms = (erlang:monotonic_time() - erlang:system_info(start_time)) * 1000 / Unit,
  print(R, [{"ns/task", Ms * 1.0e6}, {"ms", Ms}, {"first_ms", Ms}]);
row("W14_skynet" = R) ->  % a tenth of the tree
  measure(R, 111111, 5, fun() -> expect(skynet(0, 100000), 4999950000) end).

flood(N) ->
  S = self(),
  [spawn(fun() -> S ! I end) || I <- lists:seq(0, N - 1)],
  sum(N, 0).

sum(0, Total) -> Total;
sum(N, Total) -> receive X -> sum(N - 1, Total + X) end.

trip(I) ->
  S = self(),
  spawn(fun() -> S ! I end),
  receive X -> X end.

pass(Blob) ->
  S = self(),
  spawn(fun() -> S ! byte_size(Blob) end),
  receive X -> X end.

fib(N) when N < 2 -> N;
fib(N) ->
  S = self(),
  R = make_ref(),
  spawn(fun() -> S ! {R, fib(N - 1)} end),
  B = fib(N - 2),
  receive {R, A} -> A + B end.

skynet(First, 1) -> First;
skynet(First, Leaves) ->
  S = self(),
  Part = Leaves div 10,
  [spawn(fun() -> S ! skynet(First + I * Part, Part) end) || I <- lists:seq(0, 9)],
  sum(10, 0).

pending(N) ->
  S = self(),
  Before = erlang:memory(total),
  T0 = erlang:monotonic_time(nanosecond),
  All = [spawn(fun() -> receive X -> S ! X + 1 end end) || _ <- lists:seq(1, N)],
  T1 = erlang:monotonic_time(nanosecond),
  Bytes = erlang:memory(total) - Before,
  T2 = erlang:monotonic_time(nanosecond),
  [P ! 0 || P <- All],
  expect(sum(N, 0), N),
  {T1 - T0, erlang:monotonic_time(nanosecond) - T2, Bytes}.

time(F) ->
  T = erlang:monotonic_time(nanosecond),
  F(),
  erlang:monotonic_time(nanosecond) - T.

%% Each round in a process of its own, whose heap is young; after one that warms up.
measure(Row, N, Rounds, F) ->
  run_once(F),
  M = median([run_once(F) || _ <- lists:seq(1, Rounds)]),
  print(Row, [{"ns/task", M / N}, {"ms", M / 1.0e6}]).

run_once(F) ->
  {P, M} = spawn_monitor(fun() -> exit({took, time(F)}) end),
  receive
    {'DOWN', M, process, P, {took, T}} -> T;
    {'DOWN', M, process, P, Why} -> fail(Why)
  end.

median(L) -> lists:nth(length(L) div 2 + 1, lists:sort(L)).

expect(Got, Got) -> ok;
expect(Got, Wanted) -> fail({wrong_result, Got, expected, Wanted}).

fail(Why) ->
  io:format(standard_error, "~p~n", [Why]),
  halt(1).

print(Row, Counters) ->
  io:format("{\"name\":\"~s\"", [Row]),
  [io:format(",\"~s\":~.3f", [K, V * 1.0]) || {K, V} <- Counters],
  io:format("}~n").
