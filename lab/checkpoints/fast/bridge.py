import torch,sys,time,statistics as st
from comfyui_longtake.models.load import load_bundle
from comfyui_longtake.models.prompts.scene import WORLDS
from comfyui_longtake.lab.world.render import render
from comfyui_longtake.lab.training import evaluate as E
from comfyui_longtake.take import operations as O
from comfyui_longtake.take.stills import Clip
torch.set_num_threads(1)
b=load_bundle(); w=WORLDS['full']; can=b.capability; plan=E.Plan(device=torch.device('cpu')) if 'device' in E.Plan.__dataclass_fields__ else E.Plan()
N=int(sys.argv[1]); G,NEW=8,32
def prof(n,lo,edge):
    return [lo+(1-lo)*max(0.,1-min(i+1,n-i)/(edge+1)) for i in range(n)]
orig=O._bridge
modes={'const':None,'ends6':(.5,6),'ends10':(.5,10),'lo.35e8':(.35,8)}
def patched(mode):
    def f(can_,ways,ends,strength,stills):
        r=orig(can_,ways,ends,strength,stills)
        if mode and r:
            length=max(x.stop for x in ways); s=r['strength']
            # strengths for the whole request
            f.need=(mode,ways); r['strength']=0.5
        return r
    return f
def with_profile(req,mode,ways):
    if not mode: return req
    from dataclasses import replace
    s=[0.5]*req.length
    for way in ways:
        for i,v in enumerate(prof(len(way),*mode)): s[way.start+i]=v
    return replace(req,strength=s)
from comfyui_longtake.lab.world.prompt_grammar import prompt as wp
res={}
scenes=[w.sample(888000+i) for i in range(N+1)]
clips=[]
with torch.no_grad():
    for s in scenes: clips.append(b.vae.encode(render([s],48,160,256,8.0)))
    for i in range(N):
        z,z2=clips[i],clips[i+1]; text=E.held_out_wording(scenes[i],i) if hasattr(E,'held_out_wording') else ''
        for name,mode in modes.items():
            for kind in ('same','other','loop'):
                if kind=='loop': pl=O.loop(can,Clip(z[:,:,G:2*G]),NEW,prompt=text,seed=i,stills=E._stills(b),head=Clip(z[:,:,:G]),ahead=G); ways=[range(G,G+NEW)]
                else:
                    end=z[:,:,-G:] if kind=='same' else z2[:,:,:G]
                    pl=O.stitch(can,(Clip(z[:,:,:G]),Clip(end)),NEW,prompts=(text,),seed=i,stills=E._stills(b)); ways=[range(G,G+NEW)]
                req=with_profile(pl.request,mode,ways)
                lat=E._sampled(b,req,plan); seams=E._seams(b,lat,[G,G+NEW],plan)
                res.setdefault((name,kind),[]).append(seams)
        for k,v in res.items(): print(i,k,[round(st.median(x[j] for x in v),2) for j in (0,1)],'max',round(max(max(x) for x in v),2),flush=True)
