using DpAttn.Server;

return await DpAttnServer.RunAsync(args).ConfigureAwait(false);
