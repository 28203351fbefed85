namespace DpAttn.Cluster;

/// <summary>Seals the calls of silos to each other, those of the engine among them. Objects of clients are called without it: it must not leave the silos.</summary>
internal sealed class SealingFilter(SiloSeal seal) : IOutgoingGrainCallFilter
{
    public async Task Invoke(IOutgoingGrainCallContext context)
    {
        // What is set here is gone when this returns.
        if (typeof(IGrainObserver).IsAssignableFrom(context.Request.GetInterfaceType()))
            SiloSeal.Remove();
        else
            SiloSeal.Put(await seal.GetAsync());
        await context.Invoke();
    }
}
