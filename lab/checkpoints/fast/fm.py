import sys; sys.path.insert(0,'runs')
import torch, torch.nn.functional as F
import fastdit as X
from comfyui_longtake.models import dit as D
class Attn(torch.autograd.Function):
    @staticmethod
    def forward(ctx,x,mod,Wqkv,wq,wk,Wp,bp,cs,sn,B,S):
        r=X.attn_fwd(x,mod,0,Wqkv,wq,wk,Wp,bp,cs,sn,B,S)
        ctx.save_for_backward(x,mod,Wqkv,wq,wk,Wp,cs,sn,*r[1:]); ctx.n=(B,S); return r[0]
    @staticmethod
    def backward(ctx,g):
        x,mod,Wqkv,wq,wk,Wp,cs,sn,*r=ctx.saved_tensors
        dx,dm,dW,dwq,dwk,dWp,dbp=X.attn_bwd(g.contiguous(),x,mod,0,Wqkv,wq,wk,Wp,cs,sn,*ctx.n,*r)
        b=x.dtype
        return dx,dm.to(b),dW,dwq.to(b),dwk.to(b),dWp,dbp.to(b),None,None,None,None
class Mlp(torch.autograd.Function):
    @staticmethod
    def forward(ctx,x,mod,Wu,bu,Wd,bd,S):
        r=X.mlp_fwd(x,mod,0,Wu,bu,Wd,bd,S)
        ctx.save_for_backward(x,mod,Wu,Wd,*r[1:]); ctx.S=S; return r[0]
    @staticmethod
    def backward(ctx,g):
        x,mod,Wu,Wd,*r=ctx.saved_tensors
        dx,dm,dWu,dbu,dWd,dbd=X.mlp_bwd(g.contiguous(),x,mod,0,Wu,Wd,ctx.S,*r)
        b=x.dtype
        return dx,dm.to(b),dWu,dbu.to(b),dWd,dbd.to(b),None
def block(self,x,modc,rope,text,B,T,S):
    """x [M,D]; modc [F,6D]; rope [B,N,32]; text (k,v) [B,H,L,64] a sample"""
    d=x.shape[-1]
    mod=modc+self.bias
    m1,m2=mod[:,:3*d].contiguous(),mod[:,3*d:].contiguous()
    x=Attn.apply(x,m1,self.qkv.weight,self.norm_q.weight,self.norm_k.weight,self.proj.weight,self.proj.bias,*rope,B,S)
    if text is not None:
        k,v=text
        q=self.q_text(self.norm_text(x)).view(B,T*S,self.heads,self.head)
        q=self.norm_qt(q).transpose(1,2)*0.125
        y=(q@k.transpose(-1,-2)).softmax(-1)@v
        x=x+self.proj_text(y.transpose(1,2).reshape(-1,d))
    return Mlp.apply(x,m2,self.up.weight,self.up.bias,self.down.weight,self.down.bias,S)
def forward(self,x,sigma,ctx,prompt_index,role,position,fps):
    b,_,t,h,w=x.shape
    fold,dtype=self.cfg.fold,self.embed.weight.dtype
    rows=prompt_index.flatten(); one=prompt_index[:,0]
    c=self.time(D.frequencies(sigma,256).to(dtype))+self.role(role)+ctx.pooled[rows].unflatten(0,(b,t))
    c=F.silu(c+self.rate(D.frequencies(fps/16,64).to(dtype))[:,None])
    mod=self.modulate(c).flatten(0,1)
    frames=F.pad(x.transpose(1,2).flatten(0,1),(0,-w%fold,0,-h%fold),mode='replicate')
    cells=F.pixel_unshuffle(frames,fold)
    rope=D.rotary(position,cells.shape[2],cells.shape[3],self.cfg.head)
    rope=tuple(p.to(dtype)[:,0].contiguous() for p in rope)
    S=cells.shape[2]*cells.shape[3]
    y=self.embed(cells.flatten(2).transpose(1,2).to(dtype)).flatten(0,1).contiguous()
    texts=iter(zip(ctx.keys,ctx.values))
    for blk in self.blocks:
        text=None
        if blk.reads:
            k,v=next(texts); text=k[one],v[one]
        y=block(blk,y,mod,rope,text,b,t,S)
    y=y.view(b,t,S,-1)
    shift,scale=self.last_mod(c)[:,:,None].chunk(2,-1)
    y=self.out(F.layer_norm(y,(y.shape[-1],))*(1+scale)+shift).to(x.dtype)
    clean=F.pixel_shuffle(y.flatten(0,1).transpose(1,2).unflatten(2,cells.shape[2:]),fold)[...,:h,:w]
    clean=clean.unflatten(0,(b,t)).transpose(1,2)
    return (x-clean)/sigma.to(x.dtype).clamp_min(D.SIGMA_MIN)[:,None,:,None,None]
slow=D.VideoDiT.forward
def on(): D.VideoDiT.forward=forward
def off(): D.VideoDiT.forward=slow
