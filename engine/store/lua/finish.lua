-- finish: active -> completed, with the result; its follow-ups go to the outbox in the same step. Where somebody waits
--         for it, the result can be had for a while although its retention keeps nothing.
-- args: ended = list of {id, token, result (JSON text), processing_ms, outbox = list of JSON texts (optional),
--       keep_ms, keep_count (optional: this job's own retention)}, keep_ms, keep_count
-- returns: a list of 1 (done) and 0 (not ours any more: nothing changed)
-- events: completed
return done(complete(args.ended, args.keep_ms, args.keep_count))
