import sys,os,time,random,json,math
import torch, torch.multiprocessing as mp
from pathlib import Path
import fm
from comfyui_longtake.models import dit as D
from comfyui_longtake.models.load import load_bundle
from comfyui_longtake.lab.training import dit as DD, latents as LL
from comfyui_longtake.lab.training.muon import orthogonalise
from comfyui_longtake.lab.training.teacher import Teacher
from safetensors.torch import load_file, save_file
D.WIDE=10**9; fm.on()
OUT=Path(os.environ.get('OUT','runs/run')); START=os.environ['START']; BAKE=float(os.environ.get('BAKE','0'))
LR=float(os.environ.get('LR','4e-3')); EMA=float(os.environ.get('EMA','0.998')); CELLS=int(os.environ.get('CELLS','16384'))
DECAY=float(os.environ.get('DECAY','0.55')); WARM=int(os.environ.get('WARM','40')); OWN0=float(os.environ.get('OWN0','0.7'))
DD.FIGURE=float(os.environ.get('FIGURE','8'))
MIX=[float(v) for v in os.environ.get('MIX','.15,.15,.3,.4').split(',')]
RANGES=((1,1),(2,7),(8,16),(17,32))
def total(): return float((OUT/'total').read_text())
class Shelves(LL.LatentShelves):
    def rescan(self,folder):
        have=getattr(self,'names',set())
        for f in sorted(Path(folder).glob('*x*')):
            if f.suffix!='.part' and f.name not in have:
                have.add(f.name); s=LL.LatentShelf(f); s.size=tuple(s.latents.shape[-2:]); s.wt=len(s)*{'5':.3,'6':.5,'7':.8}.get(f.name.split('-')[1][0],3.); self.by.setdefault(s.size,[]).append(s)
        self.names=have
    def draw(self,cells,longest,drop=.1):
        n=sum(len(s) for v in self.by.values() for s in v)
        keys=sorted(self.by); size=self.joint.choices(keys,[sum(s.wt for s in self.by[k]) for k in keys])[0]
        lo,hi=self.joint.choices(RANGES,MIX)[0]; frames=self.joint.randint(lo,hi)
        area=size[0]*size[1]; group=self.by[size]; wt=[s.wt for s in group]; clips=[];wins=[]
        for _ in range(max(1,round(cells/(area*frames)))):
            for _ in range(LL.TRIES):
                s=self.rng.choices(group,wt)[0]; k=self.rng.randrange(len(s)); st=self.rng.randrange(s.latents.shape[1]-frames+1); w=slice(st,st+frames)
                if s.figures[k,w].mean()>255*LL.EMPTY: break
            clips.append(s.clip(k)); wins.append(w)
        words=[self.empty if self.rng.random()<drop else self.rng.choice(c.captions) for c in clips]
        return clips,wins,words
class GT(Teacher):
    def _guided(self,x,sigma,ctx,role,position,fps):
        rows=torch.arange(len(x))[:,None].expand(len(x),x.shape[2])
        given=self.model(x,sigma,ctx,rows,role,position,fps).float()
        empty=self.model(x,sigma,ctx,torch.full_like(rows,len(x)),role,position,fps).float()
        g=torch.where((sigma>=.1)&(sigma<=.95),self.guidance,1.0)[:,None,:,None,None]
        return empty+g*(given-empty)
def work(rank,model,masters,ema,grads,named,owner,vae,adapter,visible,teacher,bar,losses):
    torch.set_num_threads(1); torch.manual_seed(1234+rank+int(time.time())%1000*2); rng=random.Random(rank+time.time_ns())
    sh=Shelves.__new__(Shelves); sh.by={}; sh.device=torch.device('cpu'); sh.rescan('runs/lat'); sh.rng=random.Random(rank*77+time.time_ns()); sh.joint=random.Random(4242); sh.empty=next(iter(sh.by.values()))[0].empty
    params=dict(model.named_parameters()); mom={}; sq={}
    t0=time.time(); step=0; tok=0; log=open(OUT/f'log{rank}.txt','a'); last=t0; lastscan=t0; acc=[];lastsave=t0
    while True:
        prog=(time.time()-t0)/total()
        # both ranks must agree: rank 0 decides
        if rank==0: losses[2]=prog
        bar.wait(); prog=float(losses[2])
        if prog>=1: break
        own=DD.OWN if prog>OWN0 else 0.
        loss=DD.batch_loss(model,sh,rng,CELLS,32,torch.float32,teacher,own,visible)
        loss.backward()
        for n,p in params.items():
            if p.grad is not None: grads[rank][n].copy_(p.grad); p.grad=None
        losses[rank]=float(loss.detach())
        bar.wait()
        lr=LR*min(1,(step+1)/WARM)*(1 if prog<1-DECAY else max(.03,(1-prog)/DECAY))
        with torch.no_grad():
            d=min(EMA,(1+step)/(10+step))
            for n in owner[rank]:
                g=(grads[0][n].float()+grads[1][n].float())*.5; p=masters[n]
                if p.ndim>=2 and p.shape[0]>8 and p[0].numel()>8 and not any(k in n for k in DD.NAMED):
                    m=mom.setdefault(n,torch.zeros_like(p)); m.lerp_(g,.05); u=orthogonalise(g.lerp(m,.95).to(torch.bfloat16)).float()
                    p.mul_(1-lr*.01).add_(u,alpha=-lr*.2*max(g.shape)**.5)
                else:
                    m=mom.setdefault(n,torch.zeros_like(p)); s=sq.setdefault(n,torch.zeros_like(p)); k=step+1
                    m.lerp_(g,.1); s.lerp_(g.square(),.02); p.add_((m/(1-.9**k))/((s/(1-.98**k)).sqrt()+1e-8),alpha=-lr*.375)
                params[n].data.copy_(p); ema[n].lerp_(p,1-d)
        step+=1; tok+=CELLS/4*2; acc.append((losses[0]+losses[1]).item()/2)
        bar.wait()
        now=time.time()
        if rank==0 and step%25==0:
            log.write(f"{step} tok {tok/1e6:.2f}M loss {sum(acc)/len(acc):.4f} prog {prog:.3f} lr {lr:.5f} tok/s {25*CELLS/2/(now-last):.0f} clips {sum(len(s) for v in sh.by.values() for s in v)} own {own}\n"); log.flush(); last=now; acc=[]
        if now-lastscan>120: sh.rescan('runs/lat'); lastscan=now
        if rank==0 and now-lastsave>240: save_file({k:v.clone() for k,v in ema.items()},str(OUT/'ema.tmp')); os.replace(OUT/'ema.tmp',OUT/'ema.safetensors'); save_file({k:v.clone() for k,v in masters.items()},str(OUT/'master.tmp')); os.replace(OUT/'master.tmp',OUT/'master.safetensors'); lastsave=now
    if rank==0:
        save_file({k:v.clone() for k,v in ema.items()},str(OUT/'ema.safetensors')); log.write('done\n')
if __name__=='__main__':
    OUT.mkdir(exist_ok=True,parents=True); torch.set_num_threads(1); torch.multiprocessing.set_sharing_strategy('file_system')
    b=load_bundle(); m=b.dit.train()
    sd={}
    for f in START.split(','): sd|=load_file(f)
    m.load_state_dict({k:v.float() for k,v in sd.items()})
    m.requires_grad_(True); m.adapter.requires_grad_(False)
    names=[n for n,p in m.named_parameters() if p.requires_grad]
    masters={n:p.detach().float().clone().share_memory_() for n,p in m.named_parameters() if p.requires_grad}
    ema={n:v.clone().share_memory_() for n,v in masters.items()}
    s0=[LL.LatentShelf(f) for f in sorted(Path('runs/lat').glob('192x128*')) if f.suffix!='.part'][0]
    assert s0.card['vae']==LL.weights_id(b.vae) and s0.card['adapter']==LL.weights_id(m.adapter)
    with torch.no_grad(): visible=LL.visibility(b.vae,[s0.clip(k) for k in range(16)])
    teacher=None
    import copy
    if BAKE: teacher=GT(copy.deepcopy(m).bfloat16().eval().requires_grad_(False).share_memory(),BAKE)
    m=m.bfloat16(); m.share_memory()
    grads=[{n:torch.zeros_like(v,dtype=torch.bfloat16).share_memory_() for n,v in masters.items()} for _ in (0,1)]
    cost=sorted(names,key=lambda n:-masters[n].numel()); owner=[[],[]]; c=[0,0]
    for n in cost: k=c.index(min(c)); owner[k].append(n); c[k]+=masters[n].numel()
    losses=torch.zeros(4).share_memory_(); ctx=mp.get_context('fork'); bar=ctx.Barrier(2)
    ps=[ctx.Process(target=work,args=(r,m,masters,ema,grads,names,owner,b.vae,m.adapter,visible,teacher,bar,losses)) for r in (0,1)]
    [p.start() for p in ps]; [p.join() for p in ps]
